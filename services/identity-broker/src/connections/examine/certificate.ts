import { endOf } from '../../saml/certificate.ts'
import type { Finding } from './finding.ts'

/** One that has ended goes on being believed, as SAML metadata has it; but an IdP that looks at its own may stop. */
export const examineCertificate = (pem: string): Finding => {
  const end = endOf(pem)
  const day = end.toISOString().slice(0, 10)
  const ok = end > new Date()
  return { check: 'certificate', ok, message: ok ? `It is good until ${day}.` : `It ended on ${day}.` }
}
