/** Pulling, measuring, pushing: with the real engine and real registries. */
import { realClock } from '@kolejka/program';
import { GridError, parseTask } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { openImages } from '../../src/images/images.ts';
import type { ImageSettings } from '../../src/images/settings.ts';
import { openScene, USUAL_SETTINGS } from '../server-scene.ts';
import { docker, holdLine, publish, pull, PUSHER, startRegistry, whyNot } from './registry-scene.ts';

const reason = await whyNot();
const withRegistry = (title: string, run: (t: ExecutionContext) => Promise<void>) =>
  reason === undefined ? test(title, run) : test.skip(`${title} (skipped: ${reason})`, (t) => t.pass());

/** The images of a server, and what it said of them. */
async function imagesOf(
  settings: Partial<ImageSettings>,
  { clock = realClock, limitBytes }: { clock?: typeof realClock; limitBytes?: number } = {},
) {
  const said: [string, Record<string, unknown> | undefined][] = [];
  const stopping = new AbortController();
  const images = await openImages({
    settings: { ...USUAL_SETTINGS, ...settings },
    limitBytes,
    clock,
    log: { say: (name, fields) => void said.push([name, fields]) },
    stopping: stopping.signal,
  });
  const checked: string[] = [];
  const admit = (image: string, limits: object = {}, user = 1) =>
    images.admit(parseTask({ image, limits, args: ['true'] }), user, async () => checked.push(image));
  return {
    admit,
    checked,
    said: (line: string) => said.filter(([name]) => name === line),
    stop: () => stopping.abort(),
  };
}

const refusal = async (t: ExecutionContext, admitted: Promise<unknown>) => {
  const { code, field, message } = await t.throwsAsync(admitted, { instanceOf: GridError });
  return { code, field, message };
};

withRegistry('an image is pushed to image_registry and named there by its digest, with its size', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  const id = await publish(theirs, 'box:1', 'one');
  const { admit } = await imagesOf({ image_registry: ours.host });
  const { image, limits } = await admit(`${theirs.host}/box:1`, { memory: '1M' });
  t.regex(image, new RegExp(`^${ours.host}/kolejka_task@sha256:[0-9a-f]{64}$`));
  t.is(limits.memory, 1024 ** 2);

  // As a node does, to which the registry of the image is unknown.
  await theirs.stop();
  await docker.getImage(`${theirs.host}/box:1`).remove();
  const pulled = await pull(image);
  t.is(pulled.id, id);
  t.is(limits.image, pulled.sizeBytes);
  t.deepEqual(
    (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith(ours.host)),
    [],
    'the tag was only for pushing',
  );
});

withRegistry('an image without a tag is the latest, and no other is pulled', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:old', 'old');
  const id = await publish(theirs, 'box:latest', 'new');
  const { admit } = await imagesOf({ image_registry: ours.host, image_registry_name: 'some/tasks' });
  const { image } = await admit(`${theirs.host}/box`);
  t.true(image.startsWith(`${ours.host}/some/tasks@sha256:`));
  t.is((await docker.getImage(`${theirs.host}/box:latest`).inspect()).Id, `sha256:${id}`);
  await t.throwsAsync(docker.getImage(`${theirs.host}/box:old`).inspect(), { message: /no such image/i });
  t.is((await admit(image)).image, image, 'an image by its digest is that image');
});

withRegistry('hostile input 41: a tag that moves changes no task, and counts for tasks put later', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  let passedMs = 0;
  const clock = { ...realClock, monotonic: () => realClock.monotonic() + passedMs };
  const { admit, said } = await imagesOf({ image_registry: ours.host }, { clock });
  await publish(theirs, 'box:1', 'before');
  const first = await admit(`${theirs.host}/box:1`);
  await publish(theirs, 'box:1', 'after');
  t.is((await admit(`${theirs.host}/box:1`)).image, first.image, 'a name is kept for some minutes');
  passedMs += 5 * 60_000;
  const later = await admit(`${theirs.host}/box:1`);
  t.not(later.image, first.image);
  t.is(said('image pinned').length, 2);
  t.is((await pull(first.image)).labels['test'], `before-${theirs.host}`);
});

withRegistry('many tasks of one image are one pull, also under two names', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'same');
  const map = { from: ['', '/same:1'] as const, to: ['', '/box:1'] as const };
  const { admit, said } = await imagesOf({ image_registry: ours.host, image_name_maps: [map] });
  const names = Array.from({ length: 20 }, (_, index) => `${theirs.host}/${index % 2 === 0 ? 'box' : 'same'}:1`);
  const tasks = await Promise.all(names.map((name) => admit(name)));
  t.is(new Set(tasks.map(({ image }) => image)).size, 1);
  t.is(said('image pinned').length, 1);
});

withRegistry('hostile input 40: an image that is not there, or larger than the limit, is refused', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'large');
  const name = `${theirs.host}/box:1`;
  const { admit, said } = await imagesOf({ image_registry: ours.host });
  t.deepEqual(await refusal(t, admit(`${theirs.host}/none:1`)), {
    code: 'image-not-pulled',
    field: 'image',
    message: `Image ${theirs.host}/none:1 could not be pulled`,
  });
  t.is(said('image not pulled').length, 1);
  t.deepEqual(await refusal(t, admit(name, { image: '1K' })), {
    code: 'image-refused',
    field: 'limits.image',
    message: `Image ${name} exceeds image size limit 1024`,
  });
  const { limits } = await admit(name, { image: '1G' });
  t.true(Number(limits.image) < 1024 ** 3);

  const small = await imagesOf({ image_registry: ours.host }, { limitBytes: 1000 });
  t.like(await refusal(t, small.admit(name)), { message: `Image ${name} exceeds image size limit 1000` });
  t.is(small.said('image pinned').length, 0);
});

withRegistry('an image that shows itself too large is not loaded to its end', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'huge', 8_000_000);
  const line = await holdLine(t, theirs, 1_000_000);
  const { admit, said } = await imagesOf({ image_registry: ours.host }, { limitBytes: 4_000_000 });
  t.deepEqual(await refusal(t, admit(`${line.host}/box:1`)), {
    code: 'image-refused',
    field: 'limits.image',
    message: `Image ${line.host}/box:1 exceeds image size limit 4000000`,
  });
  t.is(said('image not pulled').length, 0);
});

withRegistry('a registry that does not take the image is ours to mend', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'unpushed');
  const { admit, said } = await imagesOf({ image_registry: ours.host });
  await ours.stop();
  t.like(await refusal(t, admit(`${theirs.host}/box:1`)), {
    code: 'image-not-pushed',
    message: `Image ${theirs.host}/box:1 could not be pushed to local repository`,
  });
  t.is(said('image not pushed').length, 1);
});

withRegistry('the server pushes with its name and password, which nobody hears of', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t, { asks: true })];
  await publish(theirs, 'box:1', 'asked');
  const name = `${theirs.host}/box:1`;
  t.is((await refusal(t, (await imagesOf({ image_registry: ours.host })).admit(name))).code, 'image-not-pushed');
  const account = { image_registry_username: PUSHER.username, image_registry_password: PUSHER.password };
  const { admit, said } = await imagesOf({ image_registry: ours.host, ...account });
  const { image } = await admit(name);
  t.true(image.startsWith(`${ours.host}/kolejka_task@`));
  t.is((await admit(image)).image, image, 'its own images it pulls by that name too');
  t.false(JSON.stringify(said('image pinned')).includes(PUSHER.password));
});

withRegistry('local images and what is refused never reach the engine', async (t) => {
  const settings = { image_registry: '127.0.0.1:1', local_images: [['kolejka/', '']], docker_socket: '/nonexistent' };
  const { admit, said, checked } = await imagesOf(settings as unknown as Partial<ImageSettings>);
  t.is((await admit('kolejka/gcc:12')).image, 'kolejka/gcc:12');
  await t.throwsAsync(admit('no image'), { instanceOf: GridError });
  t.deepEqual(checked, []);
  t.is((await refusal(t, admit('debian'))).code, 'image-not-pulled');
  t.is(said('engine away').length, 1);
  t.deepEqual(checked, ['debian'], 'what else is wrong is said before anything is pulled');
});

withRegistry('a pull that takes too long, or that the stop of the server meets, ends', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  const held = await holdLine(t, theirs);
  const quick = await imagesOf({ image_registry: ours.host, image_timeout: 1000 });
  t.is((await refusal(t, quick.admit(`${held.host}/box:1`))).code, 'image-not-pulled');
  const stopped = await imagesOf({ image_registry: ours.host });
  const waiting = refusal(t, stopped.admit(`${held.host}/box:2`));
  await held.reached;
  stopped.stop();
  t.is((await waiting).code, 'image-not-pulled');
});

withRegistry('a slow pull holds up nobody, and goes on when one of those who wait goes away', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'slow');
  const held = await holdLine(t, theirs);
  const scene = await openScene(t, { settings: { image_registry: ours.host, local_images: [['busybox']] } });
  const json = { image: `${held.host}/box:1`, args: ['true'] };
  const gone = new AbortController();
  const impatient = fetch(`${scene.url()}/task/task/`, {
    method: 'POST',
    headers: scene.authorization('client'),
    body: JSON.stringify(json),
    signal: gone.signal,
  });
  await held.reached;
  const patient = scene.as('other', '/task/task/', { json });
  gone.abort();
  await t.throwsAsync(impatient);
  await scene.put('client', { args: ['true'] });
  t.is((await scene.as('client', '/queue/stats/')).json['task_count'], 1, 'others are served meanwhile');
  held.letGo();
  const { task } = (await patient).json as { task: { image: string } };
  t.true(task.image.startsWith(`${ours.host}/kolejka_task@sha256:`));
  t.is((await scene.as('client', '/queue/stats/')).json['task_count'], 2, 'who went away has put no task');
});

withRegistry('more than half of what a server has in work does not wait for images', async (t) => {
  const theirs = await startRegistry(t);
  await publish(theirs, 'box:1', 'waited-for');
  const held = await holdLine(t, theirs);
  const { admit } = await imagesOf({ image_registry: theirs.host, local_images: [['local']] });
  const tasksOf = (user: number) => Array.from({ length: 250 }, () => admit(`${held.host}/box:1`, {}, user));
  const waiting = Promise.all([...tasksOf(1), ...tasksOf(2)]);
  await held.reached;
  t.is((await refusal(t, admit(`${held.host}/box:1`, {}, 3))).code, 'busy');
  t.is((await admit('local')).image, 'local');
  held.letGo();
  t.is(new Set((await waiting).map(({ image }) => image)).size, 1);
  await t.notThrowsAsync(admit(`${held.host}/box:1`));
});

withRegistry('regression: a registry that never answers holds up whoever names it, and nobody else', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'held-up');
  const held = await holdLine(t, theirs);
  const { admit, stop } = await imagesOf({ image_registry: ours.host });
  const name = `${theirs.host}/box:1`;
  const hostile = [...Array.from({ length: 5 }, (_, nth) => `${held.host}/box:${nth}`), name];
  const ends = Promise.allSettled(hostile.map((image) => admit(image, {}, 1)));
  await held.reached;
  t.regex((await admit(name, {}, 2)).image, /@sha256:/);
  stop();
  await ends;
});

withRegistry('a task whose request is repeated is the same also when its registry is gone', async (t) => {
  const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
  await publish(theirs, 'box:1', 'repeated');
  const scene = await openScene(t, { settings: { image_registry: ours.host } });
  const put = (image: string) =>
    scene.as('client', '/task/task/', { json: { image, args: ['true'] }, headers: { 'idempotency-key': 'one' } });
  const first = await put(`${theirs.host}/box:1`);
  await theirs.stop();
  await scene.restart();
  t.deepEqual((await put(`${theirs.host}/box:1`)).json, first.json);
  const { json } = await scene.as('client', '/task/task/', { json: { image: `${theirs.host}/box:1`, args: ['true'] } });
  t.like(json, { status: 'FAIL', code: 'image-not-pulled' });
  const bad = { image: `${theirs.host}/box:1`, args: ['true'], files: { a: { reference: 'f'.repeat(32) } } };
  t.like((await scene.as('client', '/task/task/', { json: bad })).json, { code: 'reference-unknown' });
  t.is((await scene.as('client', '/queue/stats/')).json['task_count'], 1);
});
