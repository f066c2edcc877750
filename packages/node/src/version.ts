/** What the library calls itself in `context.library` and the user-agent. Held to package.json by a test. */
export const LIBRARY_NAME = '@millrace/node';
export const LIBRARY_VERSION = '0.1.0';
