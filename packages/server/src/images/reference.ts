/**
 * Names of images, by the grammar of the distribution project (reference/reference.go):
 * `[HOST[:PORT]/]PATH[:TAG][@ALGORITHM:HEX]`.
 *
 * Every expression here reads its text once: after each part only one thing can come next.
 */
import { GridError } from '@kolejka/protocol';

/** An image, by the parts of its name. */
export interface ImageReference {
  /** Host and path, without tag and digest. */
  repository: string;
  tag?: string;
  digest?: string;
}

/** Longest host and path together: what a registry stores. */
const LONGEST_REPOSITORY = 255;
const HOST =
  /^(?:[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*(?:\.[a-zA-Z0-9]+(?:-+[a-zA-Z0-9]+)*)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** Engines take this for the identifier of an image they have, which no other node knows. */
const IDENTIFIER = /^[0-9a-f]{64}$/;

/**
 * The parts of an image's name.
 * @throws GridError `bad-value` with field `image`
 */
export function parseReference(name: string): ImageReference {
  const [named = '', digest, ...more] = name.split('@');
  // A colon before a slash belongs to the port of the host.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const [repository, tag] = colon === -1 ? [named, undefined] : [named.slice(0, colon), named.slice(colon + 1)];
  const isRight =
    more.length === 0 &&
    isRepository(repository) &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!isRight) {
    const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
    throw new GridError('bad-value', `image: ${shown} is not a name of an image, such as debian:12`, {
      field: 'image',
    });
  }
  return { repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

function isRepository(text: string): boolean {
  if (text.length > LONGEST_REPOSITORY || IDENTIFIER.test(text)) return false;
  const [first = '', ...rest] = text.split('/');
  const path = rest.length > 0 && isHost(first) ? rest : [first, ...rest];
  return path.every((component) => COMPONENT.test(component));
}

/** What comes before the first slash is a host when it cannot be mistaken for a part of the path. */
function isHost(text: string): boolean {
  return (/[.:A-Z]/.test(text) || text === 'localhost') && HOST.test(text);
}
