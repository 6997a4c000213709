import test from 'ava';
import { openScene } from '../server-scene.ts';

test('a task names the image by which it is known here', async (t) => {
  const scene = await openScene(t, {
    settings: { image_name_maps: [{ from: ['gcc'], to: ['kolejka/gcc:12'] }], allowed_images: [['kolejka/', '']] },
  });
  const { json } = await scene.as('client', '/task/task/', { json: { image: 'gcc', args: ['true'] } });
  t.like(json, { status: 'OK', task: { image: 'kolejka/gcc:12', limits: {} } });
  const taken = await scene.as('foreman', '/queue/dequeue/', { json: {} });
  t.like(taken.json, { tasks: [{ image: 'kolejka/gcc:12' }] });
});

test('an image that is not allowed is refused as by the original, and nothing is put', async (t) => {
  const scene = await openScene(t, { settings: { allowed_images: [['kolejka/', '']] } });
  const { status, json } = await scene.as('client', '/task/task/', { json: { image: 'debian', args: ['true'] } });
  t.is(status, 200);
  t.like(json, { status: 'FAIL', code: 'image-refused', message: 'Image debian is not accepted by the server' });
  t.is((await scene.as('client', '/queue/stats/')).json['task_count'], 0);
});

test('hostile input 40: a name that is no image is 400 with its field, and nothing is put', async (t) => {
  const scene = await openScene(t);
  for (const image of ['', 'a b', '--privileged', '../x', 'Busybox', 'x'.repeat(500), 'x'.repeat(501), 5, null]) {
    const { status, json } = await scene.as('client', '/task/task/', { json: { image, args: ['true'] } });
    t.is(status, 400, JSON.stringify(image));
    t.like(json, { status: 'FAIL', field: 'image' }, JSON.stringify(image));
  }
  t.is((await scene.as('client', '/queue/stats/')).json['task_count'], 0);
});
