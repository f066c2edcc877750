import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * A key for 127.0.0.1 and localhost that signed itself, good until 2126. It guards nothing. Made by
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost
 * -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:TRUE`.
 */
export const LOCALHOST_CERTIFICATE = fileURLToPath(new URL('fixtures/localhost.crt', import.meta.url));

export const LOCALHOST_TLS = {
  cert: readFileSync(LOCALHOST_CERTIFICATE),
  key: readFileSync(new URL('fixtures/localhost.key', import.meta.url)),
};
