import { spawn } from 'node:child_process';
import { distribution } from './debian.mjs';
import { ask } from './engine-api.mjs';
import { makeTree } from './image-tree.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

// `onRegistry`: whether to ask for it there first. Otherwise, or where no registry answers, it is made: busybox, and
// over it `packages` without what matches `drop`, and `links`. `wantedBy`: who does without when it cannot be made.
const images = [
  { name: 'busybox:stable', onRegistry: true, packages: [], drop: [], links: {} },
  {
    name: 'kolejka/cc:1',
    onRegistry: false,
    packages: ['tcc', 'libc6', 'libc6-dev', 'libgcc-s1', 'linux-libc-dev'],
    drop: ['usr/share', 'usr/lib/*/gconv', 'usr/lib/*/libc.a', 'usr/lib/*/libm-*.a', 'usr/lib/*/libmvec.a'],
    links: { cc: 'tcc' },
    wantedBy: 'examples/build and examples/session',
  },
];

const pullTimeoutMs = 20_000;
const importTimeoutMs = 120_000;

/** Leaves the images that examples and tests use in the engine. */
export async function setUpImages() {
  for (const image of images) if (!(await isThere(image))) await obtain(image);
}

async function isThere({ name }) {
  const { status } = await ask('GET', `/images/${name}/json`);
  return status === 200;
}

async function obtain(image) {
  if (image.onRegistry && (await pull(image))) return say(`Pulled the image ${image.name}.`);
  const why = image.onRegistry ? 'No registry answered: made' : 'Made';
  try {
    const source = await withTemporaryDirectory((directory) => make(image, directory));
    say(`${why} the image ${image.name} from ${source}.`);
  } catch (problem) {
    if (!image.wantedBy || !(problem instanceof SetupError)) throw problem;
    say(`${image.wantedBy} cannot run here: ${problem.message}`);
  }
}

// One attempt: a registry that is not there now is not there a second later, and the image can be made.
async function pull(image) {
  const path = `/images/create?${query({ fromImage: image.name })}`;
  await ask('POST', path, { timeoutMs: pullTimeoutMs }).catch(() => {});
  return isThere(image);
}

async function make(image, directory) {
  const tree = await makeTree(image, directory);
  const [repo, tag] = image.name.split(':');
  const fields = { fromSrc: '-', repo, tag };
  const path = `/images/create?${query([...Object.entries(fields), ...changes.map((line) => ['changes', line])])}`;
  // Whoever makes the tree, in the image it is root's.
  const tar = spawn('tar', ['-C', tree, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { text } = await ask('POST', path, { body: tar.stdout, timeoutMs: importTimeoutMs });
  if (!(await isThere(image))) throw new Error(`The engine did not take the image ${image.name}: ${text.trim()}`);
  return distribution() ? `${distribution()}'s ${image.packages[0] ?? 'busybox-static'}` : 'the busybox installed here';
}

const changes = [
  'CMD ["sh"]',
  'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'LABEL kolejka.made=setup',
];

const query = (fields) => new URLSearchParams(fields).toString();
