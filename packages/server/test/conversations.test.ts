/** What the original's own client and foreman said to its server, said to ours, request by request. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { differences, type Recorded } from './equivalent.ts';
import { type Answer, openScene, type Scene, send } from './server-scene.ts';

interface Exchange {
  connection: number;
  request: { method: string; path: string; headers: [string, string][]; body: { text: string } };
  response: Recorded;
}

const DIRECTORY = path.join(import.meta.dirname, 'fixtures', 'conversations');
const load = (name: string) => JSON.parse(readFileSync(path.join(DIRECTORY, `${name}.json`), 'utf8')) as Exchange[];

/** Headers that belong to the connection, not to what is said. */
const OF_CONNECTION = new Set(['connection', 'content-length', 'accept-encoding']);

/** Says recorded requests with our keys and cookies in place of the recorded ones. */
class Speaker {
  readonly #names = new Map<string, string>();
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Says one request and answers what is not equivalent in its answer. */
  async say({ request, response }: Exchange): Promise<string[]> {
    const headers = request.headers.filter(([name]) => !OF_CONNECTION.has(name.toLowerCase()));
    const body =
      request.body.text === '' ? (request.method === 'POST' ? '' : undefined) : this.#ours(request.body.text);
    const answer = await send(this.#scene.url() + this.#ours(request.path), {
      method: request.method,
      headers: Object.fromEntries(headers.map(([name, value]) => [name, this.#ours(value)])),
      ...(body !== undefined && { body: Buffer.from(body) }),
    });
    this.#learn(response, answer);
    return differences(response, answer).map((line) => `${request.method} ${request.path}: ${line}`);
  }

  /** Whatever of the two answers stands in the same place under another name is the same thing. */
  #learn(recorded: Recorded, answer: Answer): void {
    const theirs = cookiesOf(new Headers(recorded.headers));
    const ours = cookiesOf(answer.headers);
    for (const [name, value] of theirs) this.#names.set(value, ours.get(name) ?? '');
    const [before, after] = [namesIn(recorded.body.text), namesIn(answer.text)];
    for (const [index, name] of before.entries()) this.#names.set(name, after[index] ?? name);
  }

  #ours(text: string): string {
    let said = text;
    for (const [theirs, ours] of this.#names) said = said.replaceAll(theirs, ours);
    return said;
  }
}

function cookiesOf(headers: Headers): Map<string, string> {
  return new Map(headers.getSetCookie().map((cookie) => cookie.trim().split(/[=;]/, 2) as [string, string]));
}

/** All identifiers of references and tasks, in order. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/"([0-9a-f]{32})"/g)].map(([, name = '']) => name);
}

/** All conversations that follow one another on one server, in the order in which they were recorded. */
const STORY = [
  'blobput',
  'blobput2',
  'blobget',
  'taskput',
  'taskget',
  'resultget404',
  'foreman1',
  'resultget',
  'resultgetunknown',
  'resultdel',
  'resultdel2',
  'taskdel',
  'taskdel2',
  'blobdel',
  'blobget404',
];

test('what the client and the foreman of the original say, from the first upload to the last deletion, is answered alike', async (t) => {
  const scene = await openScene(t);
  const speaker = new Speaker(scene);
  for (const name of STORY) {
    for (const exchange of load(name)) t.deepEqual(await speaker.say(exchange), [], name);
  }
});

test('execute of the original waits for its result and gets it', async (t) => {
  const scene = await openScene(t);
  const speaker = new Speaker(scene);
  const said = load('execute');
  const foreman = load('foreman1');
  const file = load('taskput').find(({ request }) => request.path === '/blob/reference/');
  const handedIn = JSON.parse(said.at(-2)?.response.body.text ?? '') as { result: Record<string, unknown> };
  // The recorded server had the script from before.
  await scene.upload('client', file?.request.body.text ?? '');
  for (const exchange of said.slice(0, -2)) t.deepEqual(await speaker.say(exchange), []);

  const dequeue = JSON.parse(foreman[3]?.request.body.text ?? '') as unknown;
  const { json } = await scene.as('foreman', '/queue/dequeue/', { json: dequeue });
  const [task] = json['tasks'] as { id: string }[];
  const reference = await scene.upload('foreman', said.at(-1)?.response.body.text ?? '');
  const files = { 'stdout.txt': { reference } };
  await scene.as('foreman', '/task/result/', { json: { ...handedIn.result, id: task?.id, files } });

  for (const exchange of said.slice(-2)) t.deepEqual(await speaker.say(exchange), []);
});

test('a blob that is not there is not found, as the client of the original expects it', async (t) => {
  const speaker = new Speaker(await openScene(t));
  for (const exchange of load('blobget404')) t.deepEqual(await speaker.say(exchange), []);
});

test('an answer that is not equivalent is noticed', (t) => {
  const text = '{"message": "a", "status": "FAIL"}';
  const headers: [string, string][] = [['Content-Type', 'application/json']];
  const differs = (status: number, ours: string) =>
    differences(
      { status: 200, headers, body: { text } },
      { status, headers: new Headers(headers), text: ours, json: JSON.parse(ours) as Record<string, unknown> },
    ).length > 0;
  t.false(differs(200, '{"message":"a","code":"not-found","status":"FAIL"}'));
  t.true(differs(500, text));
  t.true(differs(200, '{"status":"FAIL","message":"a"}'));
  t.true(differs(200, '{"message":"b","status":"FAIL"}'));
  t.true(differs(200, '{"message":"a","more":1,"status":"FAIL"}'));
});
