import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { openServiceManager } from '../src/service-manager.ts';

test('a daemon that systemd has not started tells nobody', (t) => {
  const told: string[] = [];
  const manager = openServiceManager({}, (args) => void told.push(...args));
  manager.ready();
  manager.stopping();
  manager.close();
  t.deepEqual(told, []);
});

test('systemd hears that the daemon is ready, lives and stops, and nothing after that', async (t) => {
  const told: string[] = [];
  const manager = openServiceManager(
    { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '30000' },
    (args) => void told.push(...args),
  );
  manager.ready();
  t.deepEqual(told, ['--ready']);
  while (!told.includes('WATCHDOG=1')) await sleep(5);
  manager.stopping();
  manager.close();
  t.is(told.at(-1), 'STOPPING=1');
  const count = told.length;
  await sleep(100);
  t.is(told.length, count);
});

test('without a watchdog only the beginning and the end are told', async (t) => {
  const told: string[] = [];
  const manager = openServiceManager({ NOTIFY_SOCKET: '/run/x' }, (args) => void told.push(...args));
  manager.ready();
  await sleep(50);
  manager.stopping();
  t.deepEqual(told, ['--ready', 'STOPPING=1']);
});
