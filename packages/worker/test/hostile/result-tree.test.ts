/** What a task can leave in its directories, left there by a task. What the collection does with it in detail: collect.test.ts. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { build, openScene, sh } from '../scene.ts';

const everything = [{ glob: '**' }];

test('hostile input 20, 21, 22: links to files, directories, the machine and in circles bring nothing into the result', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = `
    for place in /var/lib/kolejka/result /var/lib/kolejka/task; do
      cd $place
      ln -s /etc/shadow shadow; ln -s / root; ln -s circle circle; ln -s ../.. up; ln -s /proc/self/fd fd
      mkdir deep; ln -s ../deep deep/again; echo kept > deep/kept-\${place##*/}
    done
    cd /; rm -rf /var/lib/kolejka/result 2>/dev/null; ln -s / /var/lib/kolejka/result
    exit 0`;
  const gone = await run({ ...sh(script), collect: everything });
  t.is(gone.result.reason, 'exit');
  t.deepEqual(Object.keys(gone.result.files), ['deep/kept-task', 'err', 'kolejka_task.json', 'out']);
  t.regex(gone.result.message ?? '', /"circle" was left out: link or special file/);
  const { result } = await run({ ...sh(script.replace('rm -rf', ': rm -rf')), collect: everything });
  t.deepEqual(Object.keys(result.files), ['deep/kept-result', 'deep/kept-task', 'err', 'kolejka_task.json', 'out']);
  await isUnharmed();
});

test('hostile input 25, 26, 27, 29: pipes, sockets, devices and files of others are no results, and cannot be made', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const source = await readFile(path.join(import.meta.dirname, 'programs/odd-files.c'), 'utf8');
  const files = { 'odd-files.c': source, input: 'ours' };
  const { result, text, resultDirectory } = await run(
    build('odd-files.c', './program && ln ../result/pipe ../result/twin && echo x > ../result/kept'),
    files,
  );
  t.is(await text('out'), 'mknod 0\nlink-input 0\nlink-hosts 0\n', await text('err'));
  t.is(result.result, 0);
  t.deepEqual(Object.keys(result.files), ['err', 'kept', 'out']);
  t.regex(result.message ?? '', /"pipe" was left out/);
  t.regex(result.message ?? '', /"socket" was left out/);
  t.is((await stat(path.join(resultDirectory, 'kept'))).nlink, 1);
  await isUnharmed();
});

test('hostile input 28: who was set-user-id and owned by others comes out as a plain file of the worker', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script =
    'cp /bin/busybox ../result/tool; chown 12:34 ../result/tool; chmod 7777 ../result/tool; chmod 4755 run';
  const { resultDirectory } = await run({ ...sh(script), collect: [{ glob: 'run' }] }, { run: 'x' });
  for (const name of ['tool', 'run']) {
    const found = await stat(path.join(resultDirectory, name));
    t.is(found.mode & 0o7777, 0o640, name);
    t.is(found.uid, process.getuid?.() ?? -1, name);
  }
  await isUnharmed();
});

const STRANGE = ['new\nline', 'tab\tquote"\'', ';rm -rf .', '-rf', '$(id)', '__proto__', 'constructor', '\u202Ertl'];

test('hostile input 30: names are text and nothing else, from the program to the result', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = String.raw`cd ../result; while IFS= read -r -d '' name; do echo "$name" > "./$name"; done < ../task/names
    echo x > "$(printf '\377\376')"; exit 0`;
  const { result, text } = await run(sh(script), { names: `${STRANGE.join('\0')}\0` });
  t.deepEqual(Object.keys(result.files), [...STRANGE, 'err', 'out'].toSorted());
  for (const name of STRANGE) t.is(await text(name), `${name}\n`);
  t.regex(result.message ?? '', /name is not UTF-8/);
  const written = JSON.parse(await text('kolejka_result.json')) as { files: object };
  t.deepEqual(Object.keys(written.files), Object.keys(result.files));
  await isUnharmed();
});

test('hostile input 31, 32: a result that the program has written itself is not the result', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const forged = JSON.stringify({
    result: 0,
    reason: 'exit',
    stats: { time: '0.001s', cpu: { usage: '0s' } },
    files: {},
  });
  const script = `echo '${forged}' | tee ../result/kolejka_result.json > kolejka_result.json
    mkdir ../result/out; echo x > ../result/out/x; exit 3`;
  const { result, text } = await run({ ...sh(script), collect: everything });
  t.is(result.result, 3);
  const written = JSON.parse(await text('kolejka_result.json')) as { result: number; stats: { time: string } };
  t.is(written.result, 3);
  t.not(written.stats.time, '0.001s');
  t.deepEqual(Object.keys(result.files), ['err', 'kolejka_task.json', 'out']);
  t.regex(result.message ?? '', /"out\/x" was left out/);
  await isUnharmed();
});
