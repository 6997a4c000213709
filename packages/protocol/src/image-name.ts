/** One spelling for each image, so that what a node has can be compared with what a task names. */

/** Most images that a foreman says it has. */
export const MOST_IMAGES = 256;

/**
 * The name as engines print it: without the default registry, with the tag `latest` where neither tag nor digest is said,
 * and by digest alone where there is one (distribution project: reference/normalize.go, familiar names). What is no name
 * stays as it is.
 */
export function familiarImage(name: string): string {
  const short = name.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\/(?=[^/]+$)/, '');
  const [named = '', digest] = short.split('@', 2);
  // A colon before a slash belongs to the port of the host.
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  if (digest !== undefined) return `${colon === -1 ? named : named.slice(0, colon)}@${digest}`;
  return colon === -1 ? `${named}:latest` : named;
}
