/** Blobs and references. */
import { z } from 'zod';
import { BlobHash, ReferenceKey } from './identifiers.ts';

/** The original writes times in UTC with milliseconds: 2026-11-22T00:27:16.136Z. */
const Time = z.iso.datetime({ precision: 3 });

/** A blob is bytes named by their hash. @word blob */
export const Blob = z
  .object({
    key: BlobHash,
    size: z.int().nonnegative(),
    time_create: Time,
    time_access: Time,
    references: z.int().nonnegative(),
  })
  .meta({ id: 'Blob', description: 'Bytes named by their hash.' });
export type Blob = z.infer<typeof Blob>;

/** A reference is a named claim on a blob that keeps it alive. @word reference */
export const Reference = z
  .object({
    key: ReferenceKey,
    blob: BlobHash,
    size: z.int().nonnegative(),
    time_create: Time,
    time_access: Time,
  })
  .meta({ id: 'Reference', description: 'A named claim on a blob that keeps it alive.' });
export type Reference = z.infer<typeof Reference>;
