import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import test from 'ava';
import { type Finished, readTap } from '../../scripts/test/tap.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

function read(...lines: string[]): Finished[] {
  const tests: Finished[] = [];
  const tap = readTap((finished) => tests.push(finished));
  for (const line of lines) tap.line(line);
  tap.end();
  return tests;
}

test('tests are counted by what came of them', (t) => {
  const outcomes = read('TAP version 13', 'ok 1 - a', 'not ok 2 - b', 'ok 3 - c # SKIP', 'not ok 4 - d # TODO', '1..4');
  t.deepEqual(
    outcomes.map(({ outcome, title }) => `${outcome} ${title}`),
    ['passed a', 'failed b', 'skipped c', 'skipped d'],
  );
});

test('a failed test keeps what ava says about it', (t) => {
  const [failed, passed] = read(
    'not ok 1 - b',
    '#   a log',
    '  ---',
    '    message: no',
    '  ...',
    'ok 2 - c',
    '# a log',
  );
  t.deepEqual(failed?.details, ['#   a log', '  ---', '    message: no', '  ...']);
  t.deepEqual(passed?.details, []);
});

test('a title may look like part of TAP', (t) => {
  t.deepEqual(
    read('ok 1 - not ok 2 - # 3').map(({ title }) => title),
    ['not ok 2 - # 3'],
  );
});

/**
 * Ava, started as npm test starts it, over some test files of its own.
 * @param idle after so long without news it gives up those that are left; a busy machine starts nothing quickly
 */
async function runAva(files: Record<string, string>, idle = '60s'): Promise<string[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-ava-'));
  try {
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
    mkdirSync(path.join(directory, 'test'));
    writeFileSync(path.join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      path.join(directory, 'ava.config.js'),
      `export default { workerThreads: false, timeout: '${idle}' };`,
    );
    for (const [name, body] of Object.entries(files)) {
      writeFileSync(path.join(directory, 'test', `${name}.js`), `import test from 'ava';\n${body}`);
    }
    const output = await new Promise<string>((resolve) => {
      const args = [path.join(ROOT, 'scripts/test/ava.mjs'), '--tap'];
      // Ava leaves its own settings in the environment of its tests.
      const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(AVA|NODE)_/.test(name)));
      execFile(process.execPath, args, { cwd: directory, env }, (_error, stdout) => resolve(stdout));
    });
    return read(...output.split('\n')).map(({ outcome, title }) => `${outcome} ${title}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a test that hangs fails by its name, and the others count', async (t) => {
  const hangs = "test('hangs', () => new Promise((resolve) => setTimeout(resolve, 1e6)));";
  const outcomes = await runAva({ good: "test('good', (t) => t.pass());", hangs }, '8s');
  t.deepEqual(outcomes.toSorted(), ['failed hangs › hangs', 'passed good › good']);
});

test('a test that ends the process fails by its name, and the others count', async (t) => {
  const outcomes = await runAva({
    good: "test('good', (t) => t.pass());",
    exits: "test('exits', async () => { setTimeout(() => process.exit(0), 50); await new Promise(() => {}); });",
  });
  t.true(outcomes.includes('passed good › good'));
  t.true(outcomes.includes('failed exits › exits'), outcomes.join('\n'));
});

test('regression: a test whose error has no place in its stack fails by its name, and the others count', async (t) => {
  const outcomes = await runAva({
    good: "test('good', (t) => t.pass());",
    nowhere: `const error = Object.assign(new Error('from nowhere'), { stack: 'Error: from nowhere' });
      test('throws', async () => { throw error; });
      test('expects', async (t) => { await t.notThrowsAsync(Promise.reject(error)); });`,
  });
  t.deepEqual(outcomes.toSorted(), ['failed nowhere › expects', 'failed nowhere › throws', 'passed good › good']);
});

test('a file that cannot be loaded is a failure', async (t) => {
  const outcomes = await runAva({
    broken: "throw new Error('broken at once');",
    good: "test('good', (t) => t.pass());",
  });
  t.true(outcomes.some((outcome) => outcome.startsWith('failed') && outcome.includes('broken')));
});
