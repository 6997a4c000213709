import { once } from 'node:events';
import http from 'node:http';
import test from 'ava';
import { openScene, type Scene } from '../server-scene.ts';

const MIB = 1024 ** 2;

/** A list of tasks' worth of nasty bodies, each with what it must be answered. */
const keys = (count: number, value: string) =>
  Array.from({ length: count }, (_, index) => `"${index.toString(36)}":${value}`).join();
const BODIES = [
  ['depth 10^5', `{"image":"x","limits":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 400, 'bad-value'],
  ['brackets up to the largest body', '['.repeat(2 * MIB), 400, 'bad-value'],
  ['a key that comes twice', '{"image":"x","image":"y"}', 400, 'bad-json'],
  ['keys without number', `{${keys(140_000, '[]')}}`, 413, 'too-large'],
  ['variables without number', `{"image":"x","environment":{${keys(80_000, '"x"')}}}`, 400, 'bad-value'],
  ['files without number', `{"image":"x","files":{${keys(80_000, '0')}}}`, 400, 'bad-value'],
  ['NaN', '{"image":"x","limits":{"cpus":NaN}}', 400, 'bad-json'],
  ['Infinity', '{"image":"x","limits":{"cpus":-Infinity}}', 400, 'bad-json'],
  ['1e999', '{"image":"x","limits":{"cpus":1e999}}', 400, 'bad-value'],
  ['a huge number', `{"image":"x","limits":{"cpus":${'9'.repeat(400)}}}`, 400, 'bad-value'],
  ['a number past what is exact', '{"image":"x","limits":{"cpus":9007199254740993}}', 400, 'bad-value'],
  ['half a surrogate pair', '{"image":"x","args":["\\ud800"]}', 400, 'bad-value'],
  ['half a surrogate pair in a name', '{"image":"x","environment":{"\\udfff":"x"}}', 400, 'bad-value'],
  ['bytes that are no text', Buffer.from('{"image":"\xff"}', 'latin1'), 400, 'bad-json'],
] as const;

/** Time this thread has been at work, in milliseconds: not what others of a busy machine have had of it meanwhile. */
function spentMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** What a fixed piece of work costs here, the least of a few times, in milliseconds. */
function yardstick(): number {
  const costs = Array.from({ length: 5 }, () => {
    const begun = spentMs();
    const known = new Map<string, number>();
    for (let index = 0; index < 100_000; index += 1) known.set(index.toString(36), index);
    return spentMs() - begun;
  });
  return Math.min(...costs);
}

/** The promise, for a machine on which the yardstick costs 40 ms, as on two busy cores in 2026-11; slower ones get more. */
const MOST_MS = 50 * Math.max(1, yardstick() / 40);

/** The longest work that the server, which is in this process, did without letting others in, in milliseconds. */
async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  let [last, longest] = [spentMs(), 0];
  const tick = () => {
    const now = spentMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const timer = setInterval(tick, 1);
  await work();
  tick();
  clearInterval(timer);
  return longest;
}

const LISTS = [
  ['/queue/dequeue/', '{"tags":'],
  ['/queue/heartbeat/', '{"foreman":"node1","tasks":'],
  ['/task/result/', `{"id":"${'0'.repeat(32)}","tags":`],
] as const;
for (const [at, start] of LISTS) {
  test.serial(
    `hostile input 36: a list of wrong entries for ${at} is refused, and nobody else waits for it`,
    async (t) => {
      const scene = await openScene(t, { settings: { largest_body: 2 * MIB } });
      const body = `${start}[${'0,'.repeat(80_000)}0]}`;
      const blocks: number[] = [];
      for (let times = 0; times < 4 && (times === 0 || Math.min(...blocks) >= MOST_MS); times += 1) {
        blocks.push(
          await longestBlock(async () => {
            t.like(await scene.as('foreman', at, { body }), { status: 400, json: { code: 'bad-value' } });
          }),
        );
      }
      t.true(Math.min(...blocks) < MOST_MS, `${blocks.map(Math.round).join(', ')} ms`);
    },
  );
}

const put = (scene: Scene, body: string | Uint8Array<ArrayBuffer>) => scene.as('client', '/task/task/', { body });

for (const [name, body, status, code] of BODIES) {
  test.serial(`hostile input 36: ${name} is refused, and nobody else waits for it`, async (t) => {
    const scene = await openScene(t, { settings: { largest_body: 2 * MIB } });
    const bytes = new Uint8Array(Buffer.from(body as string));
    const blocks: number[] = [];
    // The smallest of a few: this process also sends it, and this machine does other things as well.
    for (let times = 0; times < 4 && (times === 0 || Math.min(...blocks) >= MOST_MS); times += 1) {
      blocks.push(
        await longestBlock(async () => {
          const answer = await put(scene, bytes);
          t.deepEqual([answer.status, answer.json['code']], [status, code], answer.text.slice(0, 300));
        }),
      );
    }
    t.true(Math.min(...blocks) < MOST_MS, `${blocks.map(Math.round).join(', ')} ms`);
    t.is((await put(scene, new Uint8Array(Buffer.from('{"image":"x"}')))).status, 200);
    t.like((await scene.as('client', '/queue/stats/')).json, { task_count: 1 });
  });
}

for (const [name, headers] of [
  ['that says its length', { 'content-length': String(100 * MIB) }],
  ['of unknown length', {}],
] as const) {
  test.serial(`hostile input 36: 100 MB of JSON ${name} are refused before they have come`, async (t) => {
    const scene = await openScene(t);
    const request = http.request(`${scene.url()}/task/task/`, {
      method: 'POST',
      headers: { ...scene.authorization('client'), ...headers },
    });
    request.on('error', () => undefined);
    const chunk = Buffer.alloc(64 * 1024, '[');
    let sent = 0;
    const sending = setInterval(() => {
      if (request.writableNeedDrain || sent > 100 * MIB - chunk.length) return;
      request.write(chunk);
      sent += chunk.length;
    }, 0);
    let answered: http.IncomingMessage | undefined;
    const longest = await longestBlock(async () => {
      [answered] = (await once(request, 'response')) as [http.IncomingMessage];
    });
    clearInterval(sending);
    const text = Buffer.concat((await answered?.toArray()) ?? []).toString();
    request.destroy();
    t.is(answered?.statusCode, 413);
    t.regex(text, /"code":"too-large"/);
    t.true(sent < 10 * MIB, String(sent));
    t.true(longest < MOST_MS, `${longest} ms`);
  });
}
