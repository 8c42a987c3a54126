// A safe-cleanup policy of Turnout: a row is a test row if one of its columns says so, and only a few rows go at once. What each function is
// asked and must answer is in wit/safe-cleanup.wit.

let column = '';
let mark = '';
let maxRows = 0n;

export function describe() {
  const properties = {
    column: { type: 'string' },
    mark: { type: 'string', minLength: 1 },
    max_rows: { type: 'integer', minimum: 0 },
  };
  return {
    name: 'marked',
    version: '0.1.0',
    settingsSchema: JSON.stringify({ type: 'object', properties, additionalProperties: false }),
  };
}

// What is thrown here refuses the settings: `invalid` names the place by JSON pointer, and the host finds its line.
const refuse = (pointer, reason) => {
  throw { tag: 'invalid', val: { pointer, reason } };
};

export function configure({ json }) {
  const { column: name, mark: text, max_rows: rows, ...others } = JSON.parse(json);
  const keys = '`column`, `mark` and `max_rows`';
  for (const key of Object.keys(others)) refuse(`/${key}`, `unknown key \`${key}\`; there are ${keys}`);
  if (typeof name !== 'string') refuse('/column', 'column is the name of a column');
  if (typeof text !== 'string' || text === '') refuse('/mark', 'mark is a text; an empty one would mark every row');
  if (!Number.isSafeInteger(rows) || rows < 0) refuse('/max_rows', 'max_rows is a whole number, 0 or more');
  [column, mark, maxRows] = [name, text, BigInt(rows)];
}

export const marks = ({ columns }) => columns.some(({ name, text }) => name === column && Boolean(text?.includes(mark)));

// A number of 64 bits is a BigInt, here and in the answer.
export function review(request, { counts }) {
  const rows = counts.reduce((sum, { requested, referring }) => sum + requested + referring, 0n);
  return rows > maxRows ? { tag: 'too-many-rows', val: maxRows } : { tag: 'agreed' };
}
