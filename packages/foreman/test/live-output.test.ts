import { setImmediate } from 'node:timers/promises';
import { ForemanName, GridError, KEPT_OUTPUT_BYTES, type OutputPart, TaskId } from '@kolejka/protocol';
import test from 'ava';
import { tellOutput } from '../src/live-output.ts';

const TASK = { task: TaskId.parse('0123456789abcdef0123456789abcdef'), attempt: 3 };

/** Lets everything happen that can happen without time passing. */
async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await setImmediate();
}

function open(task: { stdout?: string; stderr?: string } = {}, answer: () => Promise<void> = async () => {}) {
  const sent: { attempt: number; parts: OutputPart[] }[] = [];
  const said: string[] = [];
  let pause = Promise.withResolvers<void>();
  const ended = new AbortController();
  const context = {
    client: {
      putOutput: async (_id: string, body: { attempt: number; parts: OutputPart[] }) => {
        sent.push(body);
        await answer();
      },
    },
    foreman: ForemanName.parse('node'),
    clock: { now: () => 0, monotonic: () => 0, sleep: () => pause.promise },
    log: { say: (what: string) => void said.push(what) },
  };
  const hear = tellOutput(context, task, TASK, ended.signal);
  return {
    said,
    ended,
    hear: (text: string, stream: 'stdout' | 'stderr' = 'stdout', missedBytes = 0) =>
      void hear({ stream, bytes: Buffer.from(text), missedBytes }),
    pass: async () => {
      pause.resolve();
      pause = Promise.withResolvers();
      await settle();
    },
    texts: () =>
      sent.map(({ parts }) =>
        parts.map(({ stream, at, bytes }) => [stream, at, Buffer.from(bytes, 'base64').toString()]),
      ),
    attempts: () => sent.map(({ attempt }) => attempt),
  };
}

test('the first output is told at once, what comes then together after a pause', async (t) => {
  const { hear, pass, texts, attempts } = open({ stdout: 'out', stderr: 'err' });
  hear('one');
  hear(' two');
  hear('!', 'stderr');
  await settle();
  t.deepEqual(texts(), [[['stdout', 0, 'one']]]);
  await pass();
  t.deepEqual(texts()[1], [
    ['stdout', 3, ' two'],
    ['stderr', 0, '!'],
  ]);
  await pass();
  hear('three');
  await settle();
  t.deepEqual(texts()[2], [['stdout', 7, 'three']]);
  t.deepEqual(attempts(), [3, 3, 3]);
});

test('of much output the last is told, and where it begins', async (t) => {
  const { hear, pass, texts } = open();
  hear('x');
  hear('y'.repeat(KEPT_OUTPUT_BYTES));
  hear('end');
  hear('gap', 'stdout', 10);
  await settle();
  await pass();
  t.deepEqual(texts()[1], [['stdout', 1 + KEPT_OUTPUT_BYTES + 3 + 10, 'gap']]);
});

test('outputs that go into one file are told as one', async (t) => {
  const { hear, pass, texts } = open({ stdout: 'out', stderr: 'out' });
  hear('a');
  hear('b', 'stderr');
  hear('c');
  await settle();
  await pass();
  t.deepEqual(texts(), [[['stdout', 0, 'a']], [['stdout', 1, 'bc']]]);
});

test('after a refusal nothing more is told, after a server that is away the next is', async (t) => {
  let code: 'busy' | 'stale-lease' = 'busy';
  const { hear, pass, texts, said } = open({}, async () => {
    throw new GridError(code, 'no');
  });
  hear('a');
  await settle();
  await pass();
  code = 'stale-lease';
  hear('b');
  await settle();
  await pass();
  hear('c');
  await settle();
  t.deepEqual(texts(), [[['stdout', 0, 'a']], [['stdout', 1, 'b']]]);
  t.deepEqual(said, ['output-not-sent', 'output-not-sent']);
});

test('when the task has ended nothing is told: the result has it', async (t) => {
  const { hear, ended, texts } = open();
  ended.abort();
  hear('late');
  await settle();
  t.deepEqual(texts(), []);
});
