/** Which images tasks may name: what a name is called here, whether it is taken, and whether every node has it. */
import { GridError } from '@kolejka/protocol';
import { mapName, matchPattern, type Pattern } from './pattern.ts';
import { type ImageReference, parseReference } from './reference.ts';
import type { ImageSettings } from './settings.ts';

export interface Admitted extends ImageReference {
  /** The name by which the image is known here. */
  name: string;
  /** Every node has it: it is not looked for on a registry. */
  isLocal: boolean;
}

/**
 * The image of a task by the rules of the server, in the order of the original: first maps, then what is allowed.
 * @throws GridError `bad-value` (no name of an image), `image-refused`
 */
export function admitName(
  given: string,
  settings: Pick<ImageSettings, 'image_name_maps' | 'allowed_images' | 'local_images'>,
): Admitted {
  const name = mapName(given, settings.image_name_maps);
  const reference = parseReference(name);
  if (!isOneOf(settings.allowed_images, name)) {
    throw new GridError('image-refused', `Image ${name} is not accepted by the server`, { field: 'image' });
  }
  return { ...reference, name, isLocal: isOneOf(settings.local_images, name) };
}

function isOneOf(patterns: readonly Pattern[], name: string): boolean {
  return patterns.some((pattern) => matchPattern(pattern, name) !== undefined);
}

/** @throws GridError `image-refused` for an image of more bytes than the limit */
export function refuseLarger(name: string, sizeBytes: number, limitBytes: number | undefined): void {
  if (limitBytes === undefined || sizeBytes <= limitBytes) return;
  throw new GridError('image-refused', `Image ${name} exceeds image size limit ${limitBytes}`, {
    field: 'limits.image',
  });
}
