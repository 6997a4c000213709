/** Identifiers, branded: a TaskId is not a BlobHash, though both are hexadecimal. */
import { z } from 'zod';

/** 32 hexadecimal digits: a uuid without its dashes, as the original makes them. */
const hex32 = z.string().regex(/^[0-9a-f]{32}$/, 'Expected 32 hexadecimal digits');

export const TaskId = hex32.brand<'TaskId'>();
export type TaskId = z.infer<typeof TaskId>;

export const ReferenceKey = hex32.brand<'ReferenceKey'>();
export type ReferenceKey = z.infer<typeof ReferenceKey>;

export const SessionId = hex32.brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

export const UploadId = hex32.brand<'UploadId'>();
export type UploadId = z.infer<typeof UploadId>;

/** sha256 of the bytes, 64 lower case hexadecimal digits. */
export const BlobHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'Expected 64 hexadecimal digits')
  .brand<'BlobHash'>();
export type BlobHash = z.infer<typeof BlobHash>;

/** A stable name of a foreman: letters, digits, dot, dash, underscore. */
export const ForemanName = z
  .string()
  .regex(/^[\w.-]{1,100}$/, 'Expected 1 to 100 letters, digits, dots, dashes or underscores')
  .brand<'ForemanName'>();
export type ForemanName = z.infer<typeof ForemanName>;
