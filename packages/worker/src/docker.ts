/**
 * dockerode without what it loads and we do not use: an SSH client for engines behind `ssh://`, and gRPC for building
 * images. They are most of its memory and of its time to load; see docs/decisions/0019.
 *
 * Each hangs on one file that exports one function. While dockerode is loaded, a function stands in for it that loads
 * the file when it is first called; so whoever comes with `DOCKER_HOST=ssh://…` finds what he needs. Of a dockerode
 * that is cut otherwise, everything is loaded at once, as without us.
 */
import { createRequire, Module } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const dockerode = require.resolve('dockerode');
const modem = createRequire(dockerode).resolve('docker-modem');

/** What is loaded when it is first called. */
const LATE = [path.join(path.dirname(dockerode), 'session.js'), path.join(path.dirname(modem), 'ssh.js')];

export const Docker = loadDocker();
export type Docker = InstanceType<typeof Docker>;

function loadDocker(): typeof import('dockerode') {
  for (const file of LATE) require.cache[file] = standIn(file);
  try {
    return require(dockerode) as typeof import('dockerode');
  } finally {
    // Who asks for one of these files from now on gets the file itself.
    for (const file of LATE) delete require.cache[file];
  }
}

function standIn(file: string): NodeJS.Module {
  const module = new Module(file);
  module.exports = (...args: unknown[]) => (require(file) as (...args: unknown[]) => unknown)(...args);
  module.loaded = true;
  return module;
}
