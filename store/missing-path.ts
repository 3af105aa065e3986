/** The code of an error of the system; the empty text where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether an error of the file system says that there is nothing at a path, or can be nothing. */
export function isMissingPath(error: unknown): boolean {
  return /^(ENOENT|ENOTDIR|ENAMETOOLONG|ELOOP|EINVAL)$/.test(codeOf(error));
}

/** Whether it says that at a path there can be no folder. */
export function isNoPlaceForFolder(error: unknown): boolean {
  return isMissingPath(error) || codeOf(error) === 'EEXIST';
}
