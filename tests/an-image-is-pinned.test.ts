/** An image from where its user put it, over the registry of the grid, to a node. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { publish, startRegistry, whyNot } from '../packages/server/test/images/registry-scene.ts';
import { openGrid } from './grid.ts';

const reason = await whyNot();
const title = 'a node runs the image that the server saw, though its tag was moved and its registry is gone';

if (reason !== undefined) test.skip(`${title} (skipped: ${reason})`, (t) => t.pass());
else {
  test.serial(title, async (t) => {
    const [theirs, ours] = [await startRegistry(t), await startRegistry(t)];
    await publish(theirs, 'box:1', 'seen', 100);
    process.env['KOLEJKA_SERVER_IMAGE_REGISTRY'] = ours.host;
    process.env['KOLEJKA_SERVER_IMAGE_NAME_MAPS'] = `box => ${theirs.host}/box:1`;
    const grid = await openGrid(t);
    const directory = path.join(grid.directory, 'task');
    await mkdir(directory);
    const task = {
      image: 'box',
      args: ['stat', '-c', '%s', '/bytes'],
      stdout: 'out',
      limits: { time: '20s', memory: '64M' },
    };
    await writeFile(path.join(directory, 'kolejka_task.json'), JSON.stringify(task));
    const id = await grid.put(directory);
    await publish(theirs, 'box:1', 'moved', 200);
    await theirs.stop();
    await grid.startForeman('one');
    const { result, reason: why } = await grid.wait(id);
    t.is(result, 0, why);
    const out = path.join(grid.directory, 'result');
    await grid.command('result', 'get', id, out);
    t.is(await readFile(path.join(out, 'out'), 'utf8'), '100\n');
    t.deepEqual(await grid.finish(), []);
  });
}
