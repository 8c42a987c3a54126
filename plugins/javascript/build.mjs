// Makes a component of moved.js: `node build.mjs FILE.wasm`. Nothing of JavaScript's that reaches outside goes in, so it
// imports nothing but `turnout:policy/log`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { componentize } from '@bytecodealliance/componentize-js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { component } = await componentize(await readFile(here('moved.js'), 'utf8'), {
  witPath: here('../../wit'),
  worldName: 'routing',
  disableFeatures: ['clocks', 'fetch-event', 'http', 'random', 'stdio'],
});
await writeFile(process.argv[2], component);
