import manifest from '../package.json' with { type: 'json' };

/** What the library calls itself in `context.library` and the user-agent; put in when it is built. */
export const LIBRARY_NAME: string = manifest.name;
export const LIBRARY_VERSION: string = manifest.version;
