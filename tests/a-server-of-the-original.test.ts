import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { startProgram } from 'kolejka';
import { startOriginal } from '../packages/client/test/original.ts';
import { until } from './grid.ts';
import { findLeftovers } from '../packages/worker/test/machine.ts';

const TASK = '3c75df3c485047cf988ac3f0dfed4262';
/** Reference that the server has given to the output, in the recording. */
const OUTPUT = 'a9051c8c0a204963bd3de1aad171145b';

interface Dequeue {
  concurency: number;
  limits: Record<string, unknown>;
  tags: string[];
}

test('our foreman takes a task of a server of the original, runs it, and hands in what the original foreman did', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-original-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string) => path.join(directory, name);
  await mkdir(at('logs'));
  const { server, asked } = await startOriginal(t, 'foreman', {
    // Asked for -1 tasks it gives none: so our foreman finds out that it leases none.
    answer: ({ path: route, body }) => {
      const isProbe = route === '/queue/dequeue/' && (JSON.parse(body.toString()) as Dequeue).concurency === -1;
      return isProbe ? '{"tasks": [], "status": "OK"}' : undefined;
    },
    // The image of the recording is not on every machine.
    change: (answer) => answer.replaceAll('busybox:local', 'busybox:stable'),
  });
  const flags = {
    server,
    username: 'foreman',
    password: 'foremanpass123',
    name: 'original',
    interval: '0.2',
    concurency: '2',
    cpus: '2',
    memory: '1G',
    tags: 'lab',
    temp: at('runs'),
    state: at('state'),
    observer: at('none/socket'),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const foreman = await startProgram('foreman', { args, logs: at('logs') });
  t.teardown(() => foreman.kill());
  const said = await until(
    'the result',
    async () => asked.filter(({ method, path: route }) => method === 'POST' && route === '/task/result/'),
    (results) => results.length > 0,
    60,
  );
  await foreman.stop();

  const result = JSON.parse(said[0]?.body.toString() ?? '') as Record<string, unknown>;
  t.like(result, { id: TASK, result: 0, reason: 'exit', stdout: 'stdout.txt' });
  t.deepEqual(result['files'], { 'stdout.txt': { reference: OUTPUT } });
  t.like(result['limits'], { cpus: 1, memory: '67108864b', time: '10.0s' });
  const uploads = asked.filter(({ path: route }) => route === '/blob/reference/');
  t.deepEqual(
    uploads.map(({ body }) => body.toString()),
    ['hello\n'],
  );

  const questions = asked
    .filter(({ path: route }) => route === '/queue/dequeue/')
    .map(({ body }) => JSON.parse(body.toString()) as Dequeue);
  // It gives one more than it is asked for.
  t.deepEqual(
    questions.slice(0, 2).map(({ concurency }) => concurency),
    [-1, 1],
  );
  // Whatever it hears of, a task must state too: so it hears of what the operator has stated.
  t.deepEqual(questions[1]?.limits, { cpus: 2, memory: '1073741824b' });
  t.true(questions[1]?.tags.includes('lab'));
  t.deepEqual(await findLeftovers({ directories: [], tasks: [TASK] }), []);
});
