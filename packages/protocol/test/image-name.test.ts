import { familiarImage } from '@kolejka/protocol';
import test from 'ava';

const DIGEST = `sha256:${'0'.repeat(64)}`;

const NAMES: [name: string, familiar: string][] = [
  ['busybox', 'busybox:latest'],
  ['busybox:stable', 'busybox:stable'],
  ['library/busybox', 'busybox:latest'],
  ['docker.io/busybox', 'busybox:latest'],
  ['docker.io/library/busybox:1', 'busybox:1'],
  ['index.docker.io/library/busybox', 'busybox:latest'],
  ['docker.io/kolejka/cc:1', 'kolejka/cc:1'],
  ['library/a/b', 'library/a/b:latest'],
  ['localhost:5000/box', 'localhost:5000/box:latest'],
  ['localhost:5000/library/box:1', 'localhost:5000/library/box:1'],
  [`busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`localhost:5000/box:1@${DIGEST}`, `localhost:5000/box@${DIGEST}`],
];

for (const [name, familiar] of NAMES) {
  test(`${name} is the image ${familiar}`, (t) => {
    t.is(familiarImage(name), familiar);
    t.is(familiarImage(familiar), familiar);
  });
}
