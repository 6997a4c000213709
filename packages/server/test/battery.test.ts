/** Single requests that were sent to the original's server, sent to ours: equivalent answers, or a difference with its reason. */
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DIFFERENCES } from './battery/differences.ts';
import { readBattery, type RecordedProbe } from './battery/recorded.ts';
import { differences } from './equivalent.ts';
import { logIn } from './log-in.ts';
import { type Answer, type Name, openScene, PASSWORDS, type Scene, send, type Sent } from './server-scene.ts';

const BYTES = 'twelve bytes';
const HASH = createHash('sha256').update(BYTES).digest('hex');
const UNKNOWN = createHash('sha256').update('never uploaded').digest('hex');
const NOBODYS = '0'.repeat(32);
const DELETE = { method: 'DELETE' };

type Who = Name | 'anon';

/** How many tasks there are depends on how many were refused before; the shape of the counts has a test below. */
const COUNTS = 'GET stats client: JSON: ';

class Battery {
  readonly #left = readBattery();
  readonly #unlike: string[] = [];
  readonly scene: Scene;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Sends the next recorded probe and holds the answer against the recorded one, or against the difference. */
  async probe(name: string, who: Who, at: string, sent: Sent = {}): Promise<Answer> {
    const recorded = this.#left.shift();
    if (recorded?.name !== name) throw new Error(`${name} is sent, but ${recorded?.name} was recorded`);
    const answer = who === 'anon' ? await send(this.scene.url() + at, sent) : await this.scene.as(who, at, sent);
    const all = differences(adapted(recorded), answer);
    // Cookies were not written down.
    const found = all.filter((line) => !line.startsWith('cookies: ') && !`${name}: ${line}`.startsWith(COUNTS));
    const deliberate = DIFFERENCES.find(({ probes = [] }) => probes.includes(name));
    if (deliberate === undefined) this.#unlike.push(...found.map((line) => `${name}: ${line}`));
    else if (found.length === 0) this.#unlike.push(`${name}: is answered alike, it is no difference any more`);
    else if (answer.status !== deliberate.status || answer.json['code'] !== deliberate.code) {
      this.#unlike.push(`${name}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    return answer;
  }

  end(t: ExecutionContext): void {
    t.deepEqual(this.#unlike, []);
    t.deepEqual(this.#left, []);
  }
}

/** The recorded answer with our bytes in place of theirs, which nobody wrote down. */
function adapted(recorded: RecordedProbe): RecordedProbe {
  const text = recorded.body.text
    .replace('<12 bytes>', BYTES)
    .replace('<0 bytes>', '')
    .replaceAll(/[0-9a-f]{64}/g, HASH);
  const disposition: [string, string] = ['Content-Disposition', `inline; filename="${HASH.slice(6)}"`];
  const isBytes = recorded.headers.some(([, value]) => value === 'application/octet-stream');
  return { ...recorded, headers: isBytes ? [...recorded.headers, disposition] : recorded.headers, body: { text } };
}

const keyOf = ({ json }: Answer) => (json['reference'] as { key: string }).key;
const idOf = ({ json }: Answer) => (json['task'] as { id: string }).id;

test('every probe of the battery is answered as by the original, or otherwise for a reason that is written down', async (t) => {
  const battery = new Battery(await openScene(t, { settings: { largest_body: 2 * 1024 ** 2 } }));
  await logInAndOut(battery);
  await useBlobs(battery);
  const tasks = await putTasks(battery);
  await handInResults(battery, tasks);
  await useQueue(battery, tasks);
  battery.end(t);
});

async function logInAndOut(battery: Battery): Promise<void> {
  const { headers } = await logIn(battery.scene, 'client', PASSWORDS.client);
  const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
  const wrong = { headers: form, body: 'username=client&password=wrong' };
  await battery.probe('GET /', 'anon', '/');
  await battery.probe('GET /login/ (anon)', 'anon', '/login/');
  await battery.probe('PUT /login/ (anon)', 'anon', '/login/', { method: 'PUT' });
  await battery.probe('POST /login/ without csrf', 'anon', '/login/', { body: 'username=client&password=x' });
  await battery.probe('POST /login/ wrong password', 'anon', '/login/', wrong);
  await battery.probe('POST /login/ missing fields', 'anon', '/login/', { headers: form, body: 'username=client' });
  await battery.probe('GET /settings/ anon', 'anon', '/settings/');
  await battery.probe('GET /settings/ client', 'client', '/settings/');
  await battery.probe('POST /settings/ client', 'client', '/settings/', { method: 'POST' });
  await battery.probe('POST /login/ no Referer', 'anon', '/login/', wrong);
  await battery.probe('GET /settings (no slash)', 'anon', '/settings');
  await battery.probe('POST /task/task (no slash)', 'anon', '/task/task', { json: {} });
  await battery.probe('GET /nope/', 'anon', '/nope/');
}

async function useBlobs(battery: Battery): Promise<void> {
  const post = { method: 'POST' };
  const upload = { body: BYTES };
  const { headers } = await logIn(battery.scene, 'client', PASSWORDS.client);
  await battery.probe('POST /blob/reference/ anon', 'anon', '/blob/reference/', upload);
  await battery.probe('POST /blob/reference/ nobody', 'nobody', '/blob/reference/', upload);
  const noProof = { ...upload, headers: { cookie: headers.cookie } };
  await battery.probe('POST /blob/reference/ no csrf', 'anon', '/blob/reference/', noProof);
  const key = keyOf(await battery.probe('POST /blob/reference/ client', 'client', '/blob/reference/', upload));
  const [at, blob, unknown] = [`/blob/reference/${key}/`, `/blob/blob/${HASH}/`, `/blob/blob/${UNKNOWN}/`];
  await battery.probe('POST /blob/reference/<key>/ client', 'client', at, post);
  await battery.probe('PUT /blob/reference/<key>/', 'client', at, { method: 'PUT' });
  await battery.probe('HEAD /blob/reference/<key>/', 'client', at, { method: 'HEAD' });
  await battery.probe('GET /blob/reference/<key>/', 'client', at);
  await battery.probe('GET Range bytes=0-3', 'client', at, { headers: { range: 'bytes=0-3' } });
  await battery.probe('GET other client of same group', 'other', at);
  await battery.probe('GET nobody', 'nobody', at);
  await battery.probe('GET anon', 'anon', at);
  await battery.probe('GET unknown ref', 'client', `/blob/reference/${NOBODYS}/`);
  await battery.probe('HEAD unknown ref', 'client', `/blob/reference/${NOBODYS}/`, { method: 'HEAD' });
  await battery.probe('GET /blob/reference/', 'client', '/blob/reference/');
  await battery.probe('PATCH /blob/reference/<key>/', 'client', at, { method: 'PATCH' });
  await battery.probe('DELETE by other client', 'other', at, DELETE);
  await battery.probe('POST /blob/blob/<sha256>/', 'client', blob, post);
  await battery.probe('POST /blob/blob/<sha256>/ other client', 'other', blob, post);
  await battery.probe('POST /blob/blob/<sha256>/ nobody', 'nobody', blob, post);
  await battery.probe('POST /blob/blob/<sha256>/ anon', 'anon', blob, post);
  await battery.probe('POST /blob/blob/<unknown>/ client', 'client', unknown, post);
  await battery.probe('POST /blob/blob/<unknown>/ anon (no login!)', 'anon', unknown, post);
  await battery.probe('PUT /blob/blob/<sha256>/', 'client', blob, { method: 'PUT' });
  await battery.probe('GET /blob/blob/<sha256>/ other client', 'other', blob);
  await battery.probe('DELETE /blob/blob/<sha256>/ client', 'client', blob, DELETE);
  await battery.probe('DELETE ref by owner', 'client', at, DELETE);
  await battery.probe('DELETE ref again', 'client', at, DELETE);
  await battery.probe('DELETE /blob/blob/<sha256>/ admin (has refs)', 'admin', blob, DELETE);
  await battery.probe('POST /blob/blob/<sha256>/ after blob delete', 'client', blob, post);
}

interface Tasks {
  first: string;
  second: string;
}

async function putTasks(battery: Battery): Promise<Tasks> {
  const plain = { image: 'busybox:local', args: ['true'] };
  const put = (name: string, more: Record<string, unknown>, who: Who = 'client') =>
    battery.probe(name, who, '/task/task/', { json: { ...plain, ...more } });
  const raw = (name: string, body: string | Buffer) => battery.probe(name, 'client', '/task/task/', { body });
  const { headers } = await logIn(battery.scene, 'client', PASSWORDS.client);
  const reference = await battery.scene.upload('client', 'a');

  await put('POST task anon', {}, 'anon');
  await put('POST task nobody', {}, 'nobody');
  await put('POST task foreman', {}, 'foreman');
  const noProof = { json: plain, headers: { cookie: headers.cookie } };
  await battery.probe('POST task no csrf', 'anon', '/task/task/', noProof);
  const first = idOf(await put('POST task minimal', {}));
  const second = idOf(await put('POST task with own id', { id: 'mine' }));
  await battery.probe('POST task to key url', 'client', `/task/task/${first}/`, { json: plain });
  await put('POST task unknown fields', {
    limits: { cpus: 2, memory: '64M', pids: 16, time: '1.5M', unknown: 5 },
    unknown: 1,
  });
  const units = { memory: '1.5G', swap: '64kb', network: 'no', storage: 10, time: '25M', perf_instructions: '2g' };
  await put('POST task limits units', { limits: units });
  await put('POST task bad limit cpus="two"', { limits: { cpus: 'two' } });
  await put('POST task negative cpus', { limits: { cpus: -5, memory: '-1M', time: '-3s' } });
  await put('POST task time="abc"', { limits: { time: 'abc' } });
  await put('POST task limits list', { limits: [1] });
  await put('POST task no image', { image: undefined });
  await put('POST task no args', { args: undefined });
  await put('POST task args string "true"', { args: 'true' });
  await put('POST task args non strings', { args: [1, null, { a: 2 }] });
  await put('POST task requires string', { requires: 'cpu:intel' });
  await put('POST task requires list', { requires: ['cpu:intel'] });
  await put('POST task requires number', { requires: 5 });
  await put('POST task environment', { environment: { A: 1, B: null } });
  await put('POST task files dict ref', { files: { 'a.txt': { reference } } });
  await put('POST task files dict str', { files: { 'a.txt': 'a.txt' } });
  await put('POST task files list', { files: ['a.txt'] });
  await put('POST task files no reference', { files: { 'a.txt': { path: 'a.txt' } } });
  await put('POST task files unknown ref', { files: { 'a.txt': { reference: NOBODYS } } });
  await put('POST task files other user ref (has view_reference)', { files: { 'a.txt': { reference } } }, 'other');
  await put('POST task files traversal name', { files: { '../../../etc/pwned_by_task': { reference } } });
  await put('POST task collect', { collect: [{ glob: '**/*.txt', strip: 1, prefix: '/out/' }] });
  await put('POST task collect dict', { collect: { glob: '*' } });
  await put('POST task callback', { callback_url: 'http://127.0.0.1:1/x' });
  await raw('POST task malformed JSON', '{"image": ');
  await raw('POST task JSON list', '[1]');
  await raw('POST task empty body', '');
  await raw('POST task non utf8', Buffer.from('{"image": "\xff\xfe"}', 'latin1'));
  await raw('POST task deep JSON', `{"image": "x", "args": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
  await put('POST task 10 MB args', { args: ['x'.repeat(10_000_000)] });

  const at = `/task/task/${first}/`;
  await battery.probe('GET task owner', 'client', at);
  await battery.probe('PUT task owner', 'client', at, { method: 'PUT' });
  await battery.probe('HEAD task owner', 'client', at, { method: 'HEAD' });
  await battery.probe('GET task other client', 'other', at);
  await battery.probe('GET task foreman not assigned', 'foreman', at);
  await battery.probe('GET task anon', 'anon', at);
  await battery.probe('GET task unknown', 'client', `/task/task/${NOBODYS}/`);
  await battery.probe('GET task/', 'client', '/task/task/');
  await battery.probe('PATCH task', 'client', at, { method: 'PATCH' });
  await battery.probe('DELETE task other client', 'other', at, DELETE);
  return { first, second };
}

async function handInResults(battery: Battery, { first }: Tasks): Promise<void> {
  const hand = (name: string, who: Who, json: unknown) => battery.probe(name, who, '/task/result/', { json });
  await battery.probe('GET result none yet', 'client', `/task/result/${first}/`);
  await battery.probe('GET result unknown task', 'client', '/task/result/deadbeef/');
  await battery.probe('GET result anon', 'anon', `/task/result/${first}/`);
  await hand('POST result client', 'client', { id: first, result: 0 });
  await hand('POST result foreman unassigned task', 'foreman', { id: first, result: 0 });
  await hand('POST result unknown task', 'foreman', { id: NOBODYS, result: 0 });
  await battery.probe('POST result malformed', 'foreman', '/task/result/', { body: '{"id": ' });
}

async function useQueue(battery: Battery, { second }: Tasks): Promise<void> {
  const dequeue = (name: string, who: Who, sent: Sent) => battery.probe(name, who, '/queue/dequeue/', sent);
  const stats = (who: Who, sent: Sent = {}) =>
    battery.probe(sent.method === undefined ? `GET stats ${who}` : `POST stats ${who}`, who, '/queue/stats/', sent);
  const hand = (name: string, json: Record<string, unknown>) =>
    battery.probe(name, 'foreman', '/task/result/', { json: { id: second, result: 0, ...json } });

  await dequeue('POST dequeue client', 'client', { json: {} });
  await dequeue('GET dequeue foreman', 'foreman', {});
  await dequeue('POST dequeue malformed', 'foreman', { body: '{' });
  await dequeue('POST dequeue list', 'foreman', { body: '[]' });
  await dequeue('POST dequeue concurency str', 'foreman', { json: { concurency: 'two' } });
  await stats('anon');
  await stats('client');
  await stats('client', { method: 'POST' });
  await dequeue('POST dequeue concurency 0', 'foreman', { json: { concurency: 0 } });
  // What the original gave with 0 to 2, ours gives with 1 to 3.
  await battery.scene.as('foreman', '/queue/dequeue/', { json: { concurency: 6 } });
  await stats('client');
  await battery.probe('GET task assigned foreman', 'foreman', `/task/task/${second}/`);
  await hand('POST result file no reference', { files: { a: {} } });
  await hand('POST result file unknown reference', { files: { a: { reference: NOBODYS } } });
  const theirs = await battery.scene.upload('client', 'theirs');
  await hand('POST result file reference of other user', { files: { a: { reference: theirs } } });
  await hand('POST result minimal', {});
  await hand('POST result same again', {});
  await hand('POST result again, different body', { result: 1 });
  await hand('POST result string result', { result: 'zero' });
  const own = await battery.scene.upload('foreman', 'own');
  await hand('POST result traversal name', { files: { '../../x': { reference: own } } });
  const at = `/task/result/${second}/`;
  await battery.probe('GET result foreman (not owner)', 'foreman', at);
  await battery.probe('GET result owner', 'client', at);
  await battery.probe('GET result other client', 'other', at);
  await battery.probe('HEAD result owner', 'client', at, { method: 'HEAD' });
  await battery.probe('PUT result owner', 'client', at, { method: 'PUT' });
  await battery.probe('DELETE result other client', 'other', at, DELETE);
  await battery.probe('DELETE result owner', 'client', at, DELETE);
  await battery.probe('GET result after delete', 'client', at);
  await battery.probe('DELETE task owner', 'client', `/task/task/${second}/`, DELETE);
  await stats('client');
}

test('counts are those of the original, without the tasks that are refused here', async (t) => {
  const { as, put, take } = await openScene(t);
  for (const [count, name] of (['client', 'client', 'other', 'client'] as const).entries()) {
    const id = await put(name);
    if (count === 0) {
      await take('foreman');
      await as('foreman', '/task/result/', { json: { id, result: 0 } });
    }
  }
  await take('foreman');
  const { text } = await as('client', '/queue/stats/');
  t.is(
    text,
    '{"task_count":4,"task_resolved_count":1,"task_unresolved_count":3,"task_unassigned_count":2,' +
      '"task_assigned_count":1,"task_assignees":{"foreman":1},"status":"OK"}',
  );
});

test('a difference that no probe shows is shown by a test', (t) => {
  const root = path.join(import.meta.dirname, '..', '..');
  const files = globSync('{server,protocol}/test/**/*.test.ts', { cwd: root });
  const tests = files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('\n');
  for (const { request, probes, test: title } of DIFFERENCES) {
    t.true((probes === undefined) !== (title === undefined), request);
    if (title !== undefined) t.true(tests.includes(`'${title.replaceAll("'", "\\'")}`), `there is no test: ${title}`);
  }
});
