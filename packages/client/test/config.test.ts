import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { GridError, LIMIT_NAMES, LIMITS } from '@kolejka/protocol';
import test from 'ava';
import { CLIENT_SETTINGS, parseServer, readClientConfig } from '../src/config.ts';
import { capLimits } from '../src/tasks.ts';
import { temporary } from './listen.ts';

const ADDRESSES: [string, string][] = [
  ['grid.example', 'https://grid.example'],
  ['127.0.0.1:8000', 'https://127.0.0.1:8000'],
  ['localhost:8000/', 'https://localhost:8000'],
  ['http://127.0.0.1:8000/', 'http://127.0.0.1:8000'],
  ['https://grid.example/kolejka/', 'https://grid.example/kolejka'],
  [' grid.example/a/b ', 'https://grid.example/a/b'],
];
for (const [given, address] of ADDRESSES) {
  test(`the server ${JSON.stringify(given)} is ${address}`, (t) => t.is(parseServer(given, 'server'), address));
}

for (const given of ['', 'http://', 'ftp://x', 'http://u:hunter2@x', 'http://x/?a', 'http://x/#a', 'a b']) {
  test(`${JSON.stringify(given)} is no server`, (t) => {
    const error = t.throws(() => parseServer(given, '--server'), { instanceOf: GridError });
    t.is(error.code, 'bad-value');
    t.notRegex(error.message, /hunter2/);
  });
}

test('every limit has a key in the configuration', (t) => {
  for (const name of LIMIT_NAMES) t.true(name in CLIENT_SETTINGS, name);
  const file = path.join(temporary(t), 'kolejka.conf');
  writeFileSync(file, '[default]\nconfig = lab\ntime = 5M\n[lab]\nserver = http://x\nmemory = 64M\nnetwork = no\n');
  const config = readClientConfig({ configFile: file }, { memory: '1k', cpus: '2' }, {});
  t.is(config.server, 'http://x');
  t.deepEqual(config.limits, { cpus: 2, memory: 1024, network: false, time: 300_000 });
});

test('no server is an error that says where to put one', (t) => {
  const file = path.join(temporary(t), 'kolejka.conf');
  writeFileSync(file, '[client]\n');
  const error = t.throws(() => readClientConfig({ configFile: file }, {}, {}), { instanceOf: GridError });
  t.regex(error.message, /--server, KOLEJKA_SERVER/);
});

test('ceilings of the user lower what the task asks and never raise it', (t) => {
  const asked = { memory: 100, pids: 5, network: true };
  t.deepEqual(capLimits(asked, { memory: 50, pids: 9, time: 1000, network: false }), {
    memory: 50,
    network: false,
    pids: 5,
    time: 1000,
  });
  t.deepEqual(capLimits(asked, {}), { memory: 100, network: true, pids: 5 });
});

test('limits where absence wins are not taken away by a user who says nothing of them', (t) => {
  t.is(LIMITS.gpus.combine, 'absent wins');
  t.deepEqual(capLimits({ gpus: 2, gpu_memory: 5 }, { memory: 1 }), { memory: 1, gpus: 2, gpu_memory: 5 });
  t.deepEqual(capLimits({ gpus: 2 }, { gpus: 1 }), { gpus: 1 });
  t.deepEqual(capLimits({}, { gpus: 1 }), {});
});
