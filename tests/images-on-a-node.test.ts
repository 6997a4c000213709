/** Images of a node, with a real registry and the real engine: pulled once, kept while wanted, removed least recently used first. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GridError, parseTask } from '@kolejka/protocol';
import { Images, type ImagesOptions } from '../packages/foreman/src/images.ts';
import { containerWorker } from '../packages/foreman/src/worker.ts';
import {
  docker,
  publish,
  pull,
  type Registry,
  startRegistry,
  whyNot,
} from '../packages/server/test/images/registry-scene.ts';
import { ImagePulls } from '../packages/worker/src/image-pulls.ts';
import { openScene } from '../packages/worker/test/scene.ts';

const never = new AbortController().signal;
const MIB = 1024 ** 2;

const reason = await whyNot();
const nodeTest = (title: string, run: (t: ExecutionContext, registry: Registry) => Promise<void>) => {
  if (reason !== undefined) test.skip(`${title} (skipped: ${reason})`, (t) => t.pass());
  else test.serial(title, async (t) => await run(t, await startRegistry(t)));
};

async function isHere(image: string): Promise<boolean> {
  return await docker
    .getImage(image)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** A node whose clock ticks with each look, with what it says, and tasks that run in an image. */
async function openNode(t: ExecutionContext, spaceBytes: number | undefined) {
  const scene = await openScene(t);
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-images-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const said: string[] = [];
  let time = 0;
  const options: ImagesOptions = {
    docker,
    file: path.join(directory, 'images.json'),
    spaceBytes,
    log: { say: (what) => void said.push(what) },
    clock: { now: () => (time += 1), monotonic: () => (time += 1) },
  };
  let runs = 0;
  const run = async (images: Images, image: string, limits = {}) => {
    runs += 1;
    const [taskDirectory, resultDirectory] = [path.join(directory, `t${runs}`), path.join(directory, `r${runs}`)];
    const task = parseTask({ image, args: ['true'], limits: { memory: '64M', time: '20s', ...limits } });
    const release = await images.hold(image);
    const worker = containerWorker(scene.context, images, []);
    const result = await worker.run({ task, taskDirectory, resultDirectory });
    // Until it is gone, the engine does not let the image go.
    await scene.context.closings.done();
    release();
    await images.shrink();
    return result;
  };
  return { options, open: () => Images.open(options), run, said, context: scene.context };
}

nodeTest(
  'an image that several tasks want at once is pulled once, also when the first of them gives up',
  async (t, registry) => {
    await publish(registry, 'box:1', 'once', 4 * MIB);
    const image = `${registry.host}/box:1`;
    const { context } = await openNode(t, undefined);
    let count = 0;
    const counting = new Proxy(docker, {
      get(target, name, receiver) {
        if (name === 'pull') count += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    const pulls = new ImagePulls({ ...context.engine, docker: counting });
    const first = new AbortController();
    const all = [first.signal, never, never].map((signal) => pulls.pull(image, { signal, limitBytes: undefined }));
    first.abort(new Error('gives up'));
    const [left, ...others] = await Promise.allSettled(all);
    t.is(left?.status, 'rejected');
    t.deepEqual(
      others.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    );
    t.is(count, 1);
    t.true(await isHere(image));
  },
);

nodeTest('a pull that fails stops no other, and is begun anew by who comes next', async (t, registry) => {
  await publish(registry, 'box:1', 'fails');
  const { context } = await openNode(t, undefined);
  const missing = `${registry.host}/missing:1`;
  const two = () =>
    Promise.allSettled(
      [missing, missing, `${registry.host}/box:1`].map((image) =>
        context.pulls.pull(image, { signal: never, limitBytes: undefined }),
      ),
    );
  for (const results of [await two(), await two()]) {
    t.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    );
    t.is((results[0] as { reason: GridError }).reason.code, 'image-unavailable');
  }
});

nodeTest(
  'images that were pulled for tasks are removed least recently used first, within the space, also after a restart',
  async (t, registry) => {
    const names = ['a:1', 'b:1', 'c:1'].map((name) => `${registry.host}/${name}`) as [string, string, string];
    for (const name of ['a:1', 'b:1', 'c:1']) await publish(registry, name, name, 4 * MIB);
    const [a, b, c] = names;
    // Each has busybox below its own 4 MiB: two fit, three do not.
    const { Size } = await docker.getImage('busybox:stable').inspect();
    const node = await openNode(t, 2.5 * (Size + 4 * MIB));
    const before = await node.open();
    for (const image of [a, b, a]) t.is((await node.run(before, image)).reason, 'exit');
    t.deepEqual(await Promise.all(names.map(isHere)), [true, true, false]);
    const after = await node.open();
    t.is((await node.run(after, c)).reason, 'exit');
    t.deepEqual(await Promise.all(names.map(isHere)), [true, false, true], 'b was used before a');
    t.true((await after.present()).includes(c));
    t.false((await after.present()).includes(b));
    t.deepEqual(node.said, ['image-removed']);
  },
);

nodeTest(
  'an image stays while a task runs in it or waits for it, however little space there is',
  async (t, registry) => {
    await publish(registry, 'a:1', 'held', 4 * MIB);
    const image = `${registry.host}/a:1`;
    const node = await openNode(t, 1);
    const images = await node.open();
    const release = await images.hold(image);
    t.is((await node.run(images, image)).reason, 'exit');
    await images.shrink();
    t.true(await isHere(image));
    release();
    await images.shrink();
    t.false(await isHere(image));
  },
);

nodeTest('an image that is too large for its task is removed', async (t, registry) => {
  await publish(registry, 'a:1', 'large', 4 * MIB);
  const image = `${registry.host}/a:1`;
  const node = await openNode(t, 1);
  t.is((await node.run(await node.open(), image, { image: 1 })).reason, 'image');
  t.false(await isHere(image));
});

nodeTest('an image that an operator has pulled or named stays, and without a limit all do', async (t, registry) => {
  for (const name of ['own:1', 'named:1', 'kept:1']) await publish(registry, name, name, 1 * MIB);
  const [own, named, kept] = ['own', 'named', 'kept'].map((name) => `${registry.host}/${name}`) as [
    string,
    string,
    string,
  ];
  await pull(`${own}:1`);
  const node = await openNode(t, 1);
  const images = await node.open();
  t.is((await node.run(images, `${own}:1`)).reason, 'exit');
  t.true(await isHere(`${own}:1`));
  const release = await images.hold(`${named}:1`);
  await node.run(images, `${named}:1`);
  await docker.getImage(`${named}:1`).tag({ repo: named, tag: 'mine' });
  release();
  await images.shrink();
  t.true(await isHere(`${named}:mine`));
  t.true(await isHere(`${named}:1`));
  const unlimited = await openNode(t, undefined);
  await unlimited.run(await unlimited.open(), `${kept}:1`);
  t.true(await isHere(`${kept}:1`));
});
