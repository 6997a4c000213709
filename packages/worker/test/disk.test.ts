/** What a task writes stays within its limits, and nothing of the file systems that keep it there is left. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { makeBounded, releaseBounded, roomFor } from '../src/bounded.ts';
import { nothingIsLeft } from './left.ts';
import { openScene, type Scene } from './scene.ts';

const MIB = 1024 ** 2;
const sh = (script: string) => ({ args: ['sh', '-c', script] });
/** Kilobytes that were taken of endless zeros; ends with 1 when they were refused. */
const fill = (file: string) => `cat /dev/zero > ${file}; code=$?; du -k ${file} | cut -f 1; exit $code`;

async function theNextPasses(t: ExecutionContext, scene: Scene): Promise<void> {
  const { result, text } = await scene.run({ ...sh('echo fine'), limits: { workspace: '4M', storage: '4M' } });
  t.like(result, { reason: 'exit', result: 0 });
  t.is(await text('out'), 'fine\n');
  await nothingIsLeft(t, scene);
}

test('hostile input 15: a program that writes without end fills its workspace and nothing else', async (t) => {
  const scene = await openScene(t);
  const { result, text } = await scene.run({ ...sh(fill('../result/big')), limits: { workspace: '16M' } });
  t.like(result, { reason: 'disk', result: 1 });
  t.regex(result.message ?? '', /limit workspace .+ 16777216b/);
  const kib = Number(await text('out'));
  t.true(kib * 1024 >= 16 * MIB && kib * 1024 <= roomFor(16 * MIB), `${kib} KiB`);
  t.deepEqual(Object.keys(result.files), ['big', 'err', 'out'], 'what was written is a result all the same');
  await theNextPasses(t, scene);
});

for (const kind of ['layer', 'places'] as const) {
  test(`hostile input 15: ${kind}: a program fills its storage and nothing else`, async (t) => {
    const scene = await openScene(t);
    scene.context.diskKinds = { ...scene.context.diskKinds, storage: kind };
    const { result, text } = await scene.run({ ...sh(fill('/tmp/big')), limits: { storage: '16M' } });
    t.like(result, { reason: 'disk', result: 1 });
    t.regex(result.message ?? '', /limit storage .+ 16777216b/);
    const kib = Number(await text('out'));
    t.true(kib * 1024 >= 15 * MIB && kib * 1024 <= roomFor(16 * MIB), `${kib} KiB`);
    await theNextPasses(t, scene);
  });

  test(`${kind}: volumes that an image declares are part of the storage`, async (t) => {
    const scene = await openScene(t);
    scene.context.diskKinds = { ...scene.context.diskKinds, storage: kind };
    const image = await imageWithVolume(t, scene);
    const script = `cat /data/kept; ${fill('/data/big')}`;
    const { result, text } = await scene.run({ ...sh(script), image, limits: { storage: '8M' } });
    t.like(result, { reason: 'disk', result: 1 });
    const [kept, kib] = (await text('out')).split('\n');
    t.is(kept, 'of the image');
    t.true(Number(kib) * 1024 <= roomFor(8 * MIB), `${kib} KiB`);
    await theNextPasses(t, scene);
  });
}

/** An image that declares a volume with a file in it; removed at the end. */
async function imageWithVolume(t: ExecutionContext, { context: { engine } }: Scene): Promise<string> {
  const Cmd = ['sh', '-c', 'mkdir /data; echo of the image > /data/kept'];
  const container = await engine.docker.createContainer({ Image: 'busybox:stable', Cmd });
  await container.start();
  await container.wait();
  const { Id } = (await container.commit({ changes: 'VOLUME /data' })) as { Id: string };
  t.teardown(async () => await engine.docker.getImage(Id).remove({ force: true }));
  await container.remove();
  return Id;
}

test('with a storage limit everything outside the workspace stays writable, and bounded', async (t) => {
  const scene = await openScene(t);
  const places = ['/', '/etc', '/usr', '/usr/bin', '/root', '/tmp', '/var/lib'];
  const writes = places.map(
    (place) => `mkdir ${place}/new && echo new > ${place}/new/file && df -k ${place} | tail -n 1`,
  );
  const { result, text } = await scene.run({ ...sh(`set -e; ${writes.join('; ')}`), limits: { storage: '8M' } });
  t.like(result, { reason: 'exit', result: 0 }, await text('err').catch(() => ''));
  const sizes = (await text('out'))
    .trim()
    .split('\n')
    .map((line) => Number(line.split(/\s+/)[1]));
  t.is(sizes.length, places.length);
  t.true(
    sizes.every((kib) => kib * 1024 >= 8 * MIB && kib * 1024 <= roomFor(8 * MIB)),
    sizes.join(' '),
  );
});

test('files of the engine in /etc cannot be filled either', async (t) => {
  const scene = await openScene(t);
  const script =
    'for name in hosts hostname; do echo more >> /etc/$name && echo $name; done; hostname; cat /etc/hostname';
  const { text } = await scene.run(sh(script));
  t.is(await text('out'), 'kolejka\nkolejka\n');
  const network = { limits: { network: true } };
  const { result } = await scene.run({ ...sh('cat /dev/zero | head -c 50000000 > /etc/hosts; sleep 20'), ...network });
  t.is(result.reason, 'disk');
  await theNextPasses(t, scene);
});

/** A small disk for the runs of a node. */
async function smallDisk(t: ExecutionContext, scene: Scene): Promise<string> {
  const disk = path.join(scene.directory, 'disk');
  t.teardown(() => releaseBounded([disk]));
  await makeBounded('file', disk, 256 * MIB, 'workspace');
  scene.context.temp = path.join(disk, 'runs');
  return disk;
}

test('a task that writes little is not ended when others fill the disk of the node', async (t) => {
  const scene = await openScene(t);
  const disk = await smallDisk(t, scene);
  const others = async () => await writeFile(path.join(disk, 'others'), Buffer.alloc(200 * MIB));
  const { result } = await scene.run(
    sh('sleep 3; echo little > ../result/little'),
    {},
    { started: () => void others() },
  );
  t.like(result, { reason: 'exit', result: 0 });
  t.true('little' in result.files);
});

test('hostile input 15: a task without limits is ended before the disk of the node is full', async (t) => {
  const scene = await openScene(t);
  await smallDisk(t, scene);
  // With pauses, so that the worker has its turn on a machine however loaded.
  const script = 'while true; do head -c 1000000 /dev/zero >> ../result/big || echo full; sleep 0.02; done';
  const { result, text } = await scene.run({ ...sh(script), limits: { time: '120s' } });
  t.is(result.reason, 'disk');
  t.regex(result.message ?? '', /disk of the node|node's disk/);
  t.is(await text('out'), '', 'nothing was refused: the disk was never full');
  await theNextPasses(t, scene);
});

test('hostile input 16: empty files are bounded by the workspace, and are gone at once', async (t) => {
  const scene = await openScene(t);
  const script =
    'cd ../result; i=0; while seq $i $((i + 999)) | xargs touch; do i=$((i + 1000)); done; ls | wc -l; exit 3';
  const { result, text } = await scene.run({ ...sh(script), limits: { workspace: '16M', time: '120s' } });
  t.like(result, { reason: 'disk', result: 3 });
  const count = Number(await text('out'));
  t.true(count > 4000 && count < 4200, `${count} files`);
  await theNextPasses(t, scene);
});

for (const limits of [{ workspace: '64M' }, {}]) {
  const about = 'workspace' in limits ? 'with' : 'without';
  test(`hostile input 17: directories deeper than a path may be long, ${about} a workspace limit, are left out and removed`, async (t) => {
    const scene = await openScene(t);
    const script =
      'cd ../result; p=$(seq -s / 1 1000); for i in 1 2 3 4 5; do mkdir -p $p && cd -P $p || exit 9; done; echo > deep';
    const { result } = await scene.run({ ...sh(script), limits: { ...limits, time: '120s' } });
    t.like(result, { reason: 'exit', result: 0 });
    t.deepEqual(Object.keys(result.files), ['err', 'out']);
    t.regex(result.message ?? '', /too deep/);
    await theNextPasses(t, scene);
  });

  test(`hostile input 18: a file of 5 TB that is one hole, ${about} a workspace limit, is not read`, async (t) => {
    const scene = await openScene(t);
    const script = 'echo small > ../result/a; truncate -s 5497558138880 ../result/hole';
    const { result } = await scene.run({ ...sh(script), limits });
    t.like(result, { reason: 'disk', result: 0 });
    t.regex(result.message ?? '', /more than \d+ bytes/);
    t.deepEqual(Object.keys(result.files), ['a', 'err', 'out']);
    await theNextPasses(t, scene);
  });
}

for (const kind of ['file', 'memory'] as const) {
  test(`${kind}: a full disk is not the reason of a program that ends well, or that made room again`, async (t) => {
    const scene = await openScene(t);
    scene.context.diskKinds = { ...scene.context.diskKinds, bounded: kind };
    const limits = { workspace: '4M', storage: '4M' };
    const well = await scene.run({ ...sh('cat /dev/zero > big; exit 0'), limits });
    t.like(well.result, { reason: 'exit', result: 0 });
    const room = await scene.run({ ...sh('cat /dev/zero > /tmp/big; rm /tmp/big; exit 3'), limits });
    t.like(room.result, { reason: 'exit', result: 3 });
    await nothingIsLeft(t, scene);
  });
}

test('files of a task that do not fit its workspace are a result that says so', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run({ ...sh('true'), limits: { workspace: '1M' } }, { big: 'x'.repeat(3 * MIB) });
  t.is(result.reason, 'disk');
  t.regex(result.message ?? '', /files of the task do not fit its workspace/);
  await theNextPasses(t, scene);
});

test('hostile input 5: shared memory is memory of the task, and bounded without a memory limit', async (t) => {
  const scene = await openScene(t);
  const script = sh('cat /dev/zero > /dev/shm/big; code=$?; df -k /dev/shm | tail -n 1; exit $code');
  const memory = await scene.run({ ...script, limits: { memory: '24M' } });
  t.is(memory.result.reason, 'memory', memory.result.message);
  const roomy = await scene.run({ ...script, limits: { memory: '200M' } });
  t.like(roomy.result, { reason: 'exit', result: 1 });
  t.is((await roomy.text('out')).split(/\s+/)[1], `${64 * 1024}`);
  await theNextPasses(t, scene);
});

test('the output may be as large as the workspace, and no larger', async (t) => {
  const scene = await openScene(t);
  const within = await scene.run({ ...sh('head -c 900000 /dev/zero'), limits: { workspace: '1M' } });
  t.like(within.result, { reason: 'exit', result: 0 });
  const over = await scene.run({ ...sh('head -c 3000000 /dev/zero; sleep 20'), limits: { workspace: '1M' } });
  t.is(over.result.reason, 'output');
  t.is((await over.text('out')).length, MIB);
});

test('a worker that may not mount refuses a task with a bound before it starts', async (t) => {
  const scene = await openScene(t);
  const task = path.join(scene.directory, 'task');
  await mkdir(task);
  const spec = { image: 'busybox:stable', args: ['true'], limits: { workspace: '4M', pids: 16, time: '20s' } };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
  const main = path.resolve(import.meta.dirname, '../src/main.ts');
  const args = ['--inh-caps=-sys_admin', '--bounding-set=-sys_admin', process.execPath, '--conditions=kolejka-source'];
  const command = [main, 'execute', task, path.join(task, 'out'), '--temp', scene.context.temp];
  const worker = spawn('setpriv', [...args, ...command], { stdio: ['ignore', 'inherit', 'pipe'] });
  const said = await readAll(worker.stderr);
  t.regex(said, /limits\.workspace: this node cannot keep it: .*(permission denied|superuser)/i);
  t.regex(said, /runs as root/);
});
