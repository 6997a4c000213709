/**
 * Whom a callback may reach.
 *
 * A user names the address and the server calls it: without a list, anybody who may put a task could make the server
 * talk to whatever it can reach. The list and its default are the original's ALLOWED_CALLBACK_HOSTS; it stores a task
 * with another address and never calls. We refuse the task: who waits for a call would wait for ever.
 * A name on the list is trusted, whatever address it resolves to.
 */
import { GridError } from '@kolejka/protocol';
import { parseList } from '../config-values.ts';

/** An entry of the setting that stands for no host at all; an empty setting would be one that is not set. */
const NONE = 'none';

/**
 * The list as it stands in the settings, separated by commas or lines: `host`, `host:port`, `*.domain`, `*.domain:port`.
 * An entry without a port allows every port; an IPv6 address is in brackets.
 * @throws GridError `bad-value`
 */
export function parseCallbackHosts(text: unknown, field: string): string[] {
  const entries = parseList(text, field);
  if (entries.length === 1 && entries[0] === NONE) return [];
  return entries.map((entry) => {
    const parsed = parseEntry(entry);
    if (parsed !== undefined) return parsed;
    const shapes = 'localhost, localhost:8080, [::1] or *.example.org';
    throw new GridError('bad-value', `${field}: ${JSON.stringify(entry)} is not a host such as ${shapes}`, { field });
  });
}

/** As a URL writes it: lower case, an IPv4 address in four parts, a name of another script in ASCII. */
function parseEntry(entry: string): string | undefined {
  const [, wild = '', name = '', port = ''] = /^(\*\.)?([^\s/?#@*\\:]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(entry) ?? [];
  if (name === '' || !URL.canParse(`http://${name}`)) return undefined;
  if (Number(port.slice(1)) > 65_535) return undefined;
  const { hostname } = new URL(`http://${name}`);
  const isAddress = /^\[|\.\d+$/.test(hostname);
  if (wild !== '' && isAddress) return undefined;
  return `${wild}${hostname}${port === '' ? '' : `:${Number(port.slice(1))}`}`;
}

/**
 * The address a task wants to be called at, or undefined when it wants none.
 * @throws GridError `bad-value` naming `callback_url`
 */
export function requireCallback(text: string | null | undefined, hosts: readonly string[]): URL | undefined {
  // The original takes an empty address for none.
  if (text === undefined || text === null || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || !isDecodable(url.username + url.password)) {
    throw refusal('expected an address that begins with http:// or https://');
  }
  if (!allows(hosts, url)) {
    throw refusal(`the server may not call ${url.host.slice(0, 100)}; its operator can allow it`);
  }
  return url;
}

function refusal(why: string): GridError {
  return new GridError('bad-value', `callback_url: ${why}`, { field: 'callback_url' });
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** True when the list has the host of the address, with its port or without one. */
export function allows(hosts: readonly string[], url: URL): boolean {
  const { hostname, protocol } = url;
  const port = url.port === '' ? (protocol === 'https:' ? '443' : '80') : url.port;
  const names = [hostname, `${hostname}:${port}`];
  return hosts.some((entry) =>
    names.some((name) => (entry.startsWith('*.') ? name.endsWith(entry.slice(1)) : name === entry)),
  );
}

/** As it may stand in a log: no user, password or query, which may be secrets. */
export function nameInLog(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 300);
}
