import { X509Certificate } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'

const bitsMin = 2048

/** A certificate as PEM, from PEM or from the base64 that metadata has. Throws where no signature could be checked with it. */
export const pemOf = (given: string, path: string): string => {
  if (/PRIVATE KEY/.test(given)) throw refused(path, 'is a private key: give the certificate, and make a new key')
  const certificate = parse(given, path)
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey
  if (type !== 'rsa') throw refused(path, 'is not of an RSA key: XML signatures are checked with RSA here')
  if ((details?.modulusLength ?? 0) < bitsMin) throw refused(path, `has a key of less than ${bitsMin} bits`)
  return certificate.toString()
}

/** When it ends, as Node parses it. */
export const endOf = (pem: string): Date => new Date(new X509Certificate(pem).validTo)

const parse = (given: string, path: string): X509Certificate => {
  try {
    return new X509Certificate(/-----BEGIN/.test(given) ? given : Buffer.from(given, 'base64'))
  } catch (cause) {
    throw refused(path, 'is not an X.509 certificate, as PEM or base64', cause)
  }
}

const refused = (path: string, message: string, cause?: unknown) =>
  new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }], cause })
