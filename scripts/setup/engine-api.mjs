import { createWriteStream } from 'node:fs';
import http from 'node:http';
import { pipeline } from 'node:stream/promises';
import { SetupError } from './say.mjs';

export const defaultHost = 'unix:///var/run/docker.sock';
export const host = process.env.DOCKER_HOST || defaultHost;

/** Sends one request to the Docker engine; gives its status and body. `body` is a readable stream, if any. */
export function ask(method, path, { body, timeoutMs = 10_000 } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { Host: 'docker', ...(body && { 'Content-Type': 'application/x-tar' }) };
    const signal = AbortSignal.timeout(timeoutMs);
    const request = http.request({ ...address(), method, path, headers, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    request.on('error', reject);
    if (body) body.on('error', reject).pipe(request);
    else request.end();
  });
}

/** Fetches what the Docker engine answers with 200 to a GET into a file. */
export function fetchTo(file, path) {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...address(), path, headers: { Host: 'docker' } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`GET ${path} was answered with ${response.statusCode}.`));
      pipeline(response, createWriteStream(file)).then(resolve, reject);
    });
    request.on('error', reject).end();
  });
}

/**
 * Whether an engine answers, and if not, how the attempt failed (an errno such as EACCES).
 * The socket is asked, not the docker command: that is only a client and says nothing about an engine.
 */
export async function findEngine() {
  try {
    const { status, text } = await ask('GET', '/version', { timeoutMs: 5_000 });
    return status === 200 ? { version: JSON.parse(text).Version } : { problem: `status ${status}` };
  } catch (problem) {
    if (problem instanceof SetupError) throw problem;
    return { problem: problem.code ?? problem.name };
  }
}

function address() {
  const [, scheme, rest] = /^(\w+):\/\/(.+)$/.exec(host) ?? [];
  if (scheme === 'unix') return { socketPath: rest };
  if (scheme === 'tcp' || scheme === 'http') {
    const { hostname, port } = new URL(`http://${rest}`);
    return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || 2375 };
  }
  throw new SetupError(`Set DOCKER_HOST to unix:///path or tcp://host:port, or leave it unset: "${host}" is neither.`);
}
