/** Images made on the spot, out of the static busybox that the tests' image has: no registry is asked. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ExecutionContext } from 'ava';
import Docker from 'dockerode';

export const docker = new Docker();

export interface ImagePlan {
  /** Changes its only file, `busybox`, or adds others. */
  prepare?: (tree: string) => Promise<unknown>;
  /** Lines of a Dockerfile. */
  changes?: string[];
}

/** Makes an image of one file and answers its name; it is gone at the end. */
export async function makeImage(t: ExecutionContext, { prepare, changes = [] }: ImagePlan = {}): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-image-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const tree = path.join(directory, 'tree');
  await mkdir(tree);
  await takeBusybox(tree);
  await prepare?.(tree);
  const [repo, tag] = ['kolejka-test/image', path.basename(directory).toLowerCase()];
  const tar = spawn('tar', ['-C', tree, '--numeric-owner', '--owner=0', '--group=0', '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const answer = (await docker.importImage(tar.stdout, { repo, tag, changes })) as Readable;
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(answer, (error) => (error === null ? resolve() : reject(error)));
  });
  t.teardown(() => docker.getImage(`${repo}:${tag}`).remove({ force: true }));
  return `${repo}:${tag}`;
}

async function takeBusybox(tree: string): Promise<void> {
  const container = await docker.createContainer({ Image: 'busybox:stable', NetworkDisabled: true });
  try {
    const tar = spawn('tar', ['-C', tree, '-x'], { stdio: ['pipe', 'ignore', 'inherit'] });
    await pipeline(await container.getArchive({ path: '/bin/busybox' }), tar.stdin);
    await new Promise((resolve) => tar.once('close', resolve));
  } finally {
    await container.remove();
  }
}
