import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { readTaskDirectory } from '../src/task-directory.ts';
import { temporary } from './listen.ts';

function taskWith(t: ExecutionContext, spec: unknown): string {
  const directory = temporary(t);
  writeFileSync(path.join(directory, 'kolejka_task.json'), typeof spec === 'string' ? spec : JSON.stringify(spec));
  return directory;
}

async function refusalOf(t: ExecutionContext, directory: string): Promise<GridError> {
  return await t.throwsAsync(readTaskDirectory(directory), { instanceOf: GridError });
}

test('a task directory that is not there is named', async (t) => {
  const error = await refusalOf(t, '/nowhere/at/all');
  t.deepEqual([error.message, error.exit], ['The task directory /nowhere/at/all is not there.', 2]);
});

test('a file is no task directory', async (t) => {
  const directory = taskWith(t, {});
  t.regex((await refusalOf(t, path.join(directory, 'kolejka_task.json'))).message, /is not a directory/);
});

test('a directory without kolejka_task.json says what is missing', async (t) => {
  t.regex((await refusalOf(t, temporary(t))).message, /kolejka_task\.json is not there/);
});

const MALFORMED: [string, RegExp][] = [
  ['{\n  "image": "x",\n  "args": [,]\n}', /"args": \[,\]/],
  ['{\n  "image": "x"', /line 2 column 15/],
  ['', /line 1 column 1/],
  ['{\n  "image" "x"\n}', /line 2 column 11/],
  ["{'image': 'x'}", /line 1 column 2/],
];
for (const [text, place] of MALFORMED) {
  test(`malformed JSON says where in one line: ${JSON.stringify(text)}`, async (t) => {
    const error = await refusalOf(t, taskWith(t, text));
    t.is(error.code, 'bad-json');
    t.regex(error.message, /kolejka_task\.json is not JSON/);
    t.regex(error.message, place);
    t.notRegex(error.message, /\n/);
  });
}

const BAD: [unknown, string | undefined, RegExp][] = [
  [[], undefined, /a task is one JSON object/],
  [{}, 'image', /image: expected the name of a container image/],
  [{ image: 'x', limits: { memory: '10 apples' } }, 'limits.memory', /limits\.memory: "10 apples" is not a size/],
  [{ image: 'x', args: 'true' }, 'args', /args: expected a list/],
  [{ image: 'x', files: { '../x': 'y' } }, 'files.../x', /is not a relative path inside/],
  [{ image: 'x', files: { a: {} } }, 'files.a', /files\.a: needs a path or a reference/],
];
for (const [spec, field, sentence] of BAD) {
  test(`a task that cannot be names file and field: ${JSON.stringify(spec)}`, async (t) => {
    const error = await refusalOf(t, taskWith(t, spec));
    t.deepEqual([error.code, error.field], ['bad-value', field]);
    t.regex(error.message, sentence);
    t.regex(error.message, /kolejka_task\.json: /);
  });
}

test('files that are missing, directories and fifos are refused, each in a sentence of its own', async (t) => {
  const directory = taskWith(t, { image: 'x', files: { in: 'input' } });
  t.regex((await refusalOf(t, directory)).message, /files\.in: .*\/input is not there/);
  mkdirSync(path.join(directory, 'input'));
  t.regex((await refusalOf(t, directory)).message, /files\.in: .*\/input is a directory/);
  const fifo = taskWith(t, { image: 'x', files: { in: 'input' } });
  execFileSync('mkfifo', [path.join(fifo, 'input')]);
  t.regex((await refusalOf(t, fifo)).message, /files\.in: .*\/input is not a regular file/);
  const loop = taskWith(t, { image: 'x', files: { in: 'input' } });
  symlinkSync('input', path.join(loop, 'input'));
  t.regex((await refusalOf(t, loop)).message, /files\.in: .*\/input is a symbolic link that leads to itself/);
});

test('a link out of the directory is followed: these are files of the one who sends them', async (t) => {
  const elsewhere = path.join(temporary(t), 'real');
  writeFileSync(elsewhere, 'hello');
  const directory = taskWith(t, { image: 'x', files: { in: { path: 'input' }, known: { reference: '0'.repeat(32) } } });
  symlinkSync(elsewhere, path.join(directory, 'input'));
  const { files } = await readTaskDirectory(directory);
  t.deepEqual(files, [{ name: 'in', path: path.join(directory, 'input'), size: 5 }]);
});
