/** Whether an error of the file system says that there is nothing at a path, or can be nothing. */
export function isMissingPath(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(ENOENT|ENOTDIR|ENAMETOOLONG|ELOOP|EINVAL)$/.test(String(error.code));
}
