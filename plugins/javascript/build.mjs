// Makes a component of a policy: `node build.mjs POLICY.js WORLD FILE.wasm`. Nothing of JavaScript's that reaches outside goes in, so it
// imports nothing but `turnout:policy/log`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { componentize } from '@bytecodealliance/componentize-js';

const [policy, world, file] = process.argv.slice(2);
const { component } = await componentize(await readFile(policy, 'utf8'), {
  witPath: fileURLToPath(new URL('../../wit', import.meta.url)),
  worldName: world,
  disableFeatures: ['clocks', 'fetch-event', 'http', 'random', 'stdio'],
});
await writeFile(file, component);
