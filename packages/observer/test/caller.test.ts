import test from 'ava';
import { placeOf } from '../src/caller.ts';

const SESSION = `kolejka_observer_${'a'.repeat(32)}`;

const ROWS: [title: string, group: string, scope: string, place: string][] = [
  ['a process of a container makes sessions beside the container', '/kolejka/t1/c1', '/kolejka/t1', '/kolejka/t1'],
  ['groups inside the container change nothing', '/kolejka/t1/c1/a/b', '/kolejka/t1', '/kolejka/t1'],
  ['a process in a session makes sessions below it', `/kolejka/t1/${SESSION}`, '/kolejka/t1', `/kolejka/t1/${SESSION}`],
  [
    'so does one in the leaf of a session',
    `/kolejka/t1/${SESSION}/kolejka_own`,
    '/kolejka/t1',
    `/kolejka/t1/${SESSION}`,
  ],
  [
    'a process of a container that systemd started makes sessions beside the container',
    '/kolejka.slice/kolejka-t1.slice/docker-c1.scope/a',
    '/kolejka.slice/kolejka-t1.slice',
    '/kolejka.slice/kolejka-t1.slice',
  ],
  [
    'so does one in a session of such a task',
    `/kolejka.slice/kolejka-t1.slice/${SESSION}`,
    '/kolejka.slice/kolejka-t1.slice',
    `/kolejka.slice/kolejka-t1.slice/${SESSION}`,
  ],
  [
    'a slice that is not of one task is none',
    '/kolejka.slice/kolejka-a-b.slice/c1',
    '/kolejka/observer of user 7',
    '/kolejka/observer',
  ],
  [
    'a shell on the node has the place of all who have no task',
    '/user.slice',
    '/kolejka/observer of user 7',
    '/kolejka/observer',
  ],
  [
    'a session of such a shell is no task',
    `/kolejka/observer/${SESSION}`,
    '/kolejka/observer of user 7',
    `/kolejka/observer/${SESSION}`,
  ],
  [
    'a group that only sounds like a task is none',
    '/kolejka-other/t1/c1',
    '/kolejka/observer of user 7',
    '/kolejka/observer',
  ],
  [
    'nor one that only sounds like a session',
    `/docker/x/${SESSION}`,
    '/kolejka/observer of user 7',
    '/kolejka/observer',
  ],
];

for (const [title, group, scope, place] of ROWS) {
  test(title, (t) => t.deepEqual(placeOf(group, 7), { scope, place }));
}
