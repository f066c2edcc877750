import { X509Certificate, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** How the connection is made where the system's own authorities do not do. Each is PEM text, or the path of a PEM file. */
export interface WebhookTlsOptions {
  /** The authorities that the receiver's certificate is checked by, in place of the system's. */
  ca?: string;
  /** Of this client, where the receiver asks for one; with `key`. */
  cert?: string;
  key?: string;
  /** Of `key`, where it is encrypted. */
  passphrase?: string;
}

/** Checked, with absolute paths. */
interface TlsSettings {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  passphrase?: string | undefined;
}

const PEM_TEXT = '-----BEGIN ';

/** @param folder What a relative path is relative to. */
export function tlsSettings(folder: string) {
  const pem = z
    .string()
    .min(1, EXPECTED_PEM)
    .transform((value) => (value.includes(PEM_TEXT) ? value : resolve(folder, value)));
  return z
    .strictObject({
      ca: pem.optional(),
      cert: pem.optional(),
      key: pem.optional(),
      passphrase: z.string().optional(),
    })
    .superRefine(checkTls);
}

const EXPECTED_PEM = 'expected PEM text or the path of a PEM file';

/** What connections are made with. The files are read now, and again when the config is loaded again. */
export function readTls({ ca, cert, key, passphrase }: TlsSettings): WebhookTlsOptions {
  return {
    ...(ca !== undefined && { ca: pemOf(ca) }),
    ...(cert !== undefined && { cert: pemOf(cert) }),
    ...(key !== undefined && { key: pemOf(key) }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

/** So that a mistake is said at the start, and not by each delivery. */
function checkTls({ ca, cert, key, passphrase }: TlsSettings, context: z.RefinementCtx): void {
  /** Undefined where there is none, or it is refused. */
  const tried = <T>(
    name: keyof TlsSettings,
    value: string | undefined,
    parse: (pem: string) => T,
    what: string,
  ) => {
    const refuse = (message: string): undefined => {
      context.addIssue({ code: 'custom', path: [name], message });
    };
    if (value === undefined) return undefined;
    let pem: string;
    try {
      pem = pemOf(value);
    } catch (error) {
      // Without the path: it may be a key that someone took for one.
      return refuse(
        `${EXPECTED_PEM} that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      );
    }
    try {
      return parse(pem);
    } catch {
      // Without the cause, which may quote what it read.
      return refuse(`expected ${what} in PEM`);
    }
  };
  tried('ca', ca, toCertificate, 'a certificate');
  const certificate = tried('cert', cert, toCertificate, 'a certificate');
  const encrypted = passphrase === undefined ? '' : ' that the passphrase opens';
  const privateKey = tried('key', key, (pem) => toKey(pem, passphrase), `a private key${encrypted}`);
  if (passphrase !== undefined && key === undefined) {
    context.addIssue({ code: 'custom', path: ['passphrase'], message: 'expected it with key only' });
  }
  if (cert !== undefined && key === undefined) {
    context.addIssue({ code: 'custom', path: ['key'], message: 'expected the private key of cert' });
  } else if (key !== undefined && cert === undefined) {
    context.addIssue({ code: 'custom', path: ['cert'], message: 'expected the certificate of key' });
  } else if (certificate && privateKey && !certificate.checkPrivateKey(privateKey)) {
    context.addIssue({
      code: 'custom',
      path: ['key'],
      message: 'expected the private key that belongs to cert',
    });
  }
}

function toCertificate(pem: string): X509Certificate {
  return new X509Certificate(pem);
}

function toKey(pem: string, passphrase: string | undefined): KeyObject {
  return createPrivateKey({ key: pem, ...(passphrase !== undefined && { passphrase }) });
}

function pemOf(value: string): string {
  return value.includes(PEM_TEXT) ? value : readFileSync(value, 'utf8');
}
