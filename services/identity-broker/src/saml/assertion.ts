import { matches } from '@onbehalf/rpc'
import { type Static, type TSchema, Type } from '@sinclair/typebox'

const one = <Schema extends TSchema>(schema: Schema) => Type.Array(schema, { minItems: 1, maxItems: 1 })
const Text = Type.Object({ _: Type.String() })
const empty = Type.String()

const Confirmation = Type.Object({
  $: Type.Object({ Method: Type.String() }),
  SubjectConfirmationData: Type.Optional(
    Type.Array(
      Type.Union([
        empty,
        Type.Object({
          $: Type.Object({
            Recipient: Type.Optional(Type.String()),
            InResponseTo: Type.Optional(Type.String()),
            NotOnOrAfter: Type.Optional(Type.String()),
            NotBefore: Type.Optional(Type.String())
          })
        })
      ])
    )
  )
})
type Confirmation = Static<typeof Confirmation>

const Attribute = Type.Object({
  $: Type.Object({ Name: Type.String() }),
  AttributeValue: Type.Optional(Type.Array(Type.Union([empty, Type.Object({ _: Type.Optional(Type.String()) })])))
})

const Authenticated = Type.Object({ $: Type.Optional(Type.Object({ AuthnInstant: Type.Optional(Type.String()) })) })

/** What was signed, as the library parses it: each element a list of those of its name, text as `_`. */
const Signed = Type.Object({
  Assertion: Type.Object({
    $: Type.Object({ ID: Type.String({ minLength: 1 }), Version: Type.Literal('2.0') }),
    Issuer: one(Text),
    Subject: one(
      Type.Object({
        NameID: one(
          Type.Composite([
            Text,
            Type.Object({ $: Type.Optional(Type.Object({ Format: Type.Optional(Type.String()) })) })
          ])
        ),
        SubjectConfirmation: Type.Array(Confirmation, { minItems: 1 })
      })
    ),
    Conditions: one(Type.Object({ AudienceRestriction: Type.Array(Type.Unknown(), { minItems: 1 }) })),
    AuthnStatement: Type.Array(Type.Union([empty, Authenticated]), { minItems: 1 }),
    AttributeStatement: Type.Optional(
      Type.Array(Type.Union([empty, Type.Object({ Attribute: Type.Optional(Type.Array(Attribute)) })]))
    )
  })
})

/** Who an assertion is about, with the first value of each of its attributes. */
export type Assertion = {
  id: string
  issuer: string
  nameId: string
  nameIdFormat: string | undefined
  attributes: ReadonlyMap<string, string>
  /** Of its statements the oldest (SAML core §2.7.2), in seconds since the epoch; undefined where one does not say. */
  authTime: number | undefined
  confirmations: Confirmation[]
}

/** An assertion from what was verified. Throws for one that does not say all that a sign-in needs. */
export const readAssertion = (signed: unknown): Assertion => {
  if (!matches(Signed, signed)) throw new Error('the assertion does not have what a sign-in needs')
  const { $, Issuer, Subject, AuthnStatement, AttributeStatement = [] } = signed.Assertion
  const [issuer, subject] = [Issuer[0], Subject[0]]
  const nameId = subject?.NameID[0]
  if (!issuer || !subject || !nameId) throw new Error('the assertion has no issuer or subject')
  const stated = AttributeStatement.flatMap((all) => (typeof all === 'string' ? [] : (all.Attribute ?? [])))
  return {
    id: $.ID,
    issuer: issuer._.trim(),
    nameId: nameId._.trim(),
    nameIdFormat: nameId.$?.Format,
    attributes: new Map(stated.toReversed().flatMap(firstValue)),
    authTime: oldest(AuthnStatement),
    confirmations: subject.SubjectConfirmation
  }
}

const oldest = (statements: Static<typeof Signed>['Assertion']['AuthnStatement']): number | undefined => {
  const instants = statements.map((one) => Date.parse((typeof one === 'object' && one.$?.AuthnInstant) || ''))
  const first = Math.min(...instants)
  return Number.isNaN(first) ? undefined : first / 1000
}

const firstValue = ({ $, AttributeValue = [] }: Static<typeof Attribute>): [string, string][] => {
  const [first] = AttributeValue
  const text = typeof first === 'object' ? first._?.trim() : undefined
  return text ? [[$.Name, text]] : []
}

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'

type Confirmed = { acsUrl: string; requestId: string; nowMs: number; skewMs: number }

/** Whether it was made for whoever brings it, here, now and in answer to this request (SAML profiles §4.1.4.2). */
export const isConfirmed = ({ confirmations }: Assertion, { acsUrl, requestId, nowMs, skewMs }: Confirmed): boolean =>
  confirmations.some(({ $, SubjectConfirmationData: [data] = [] }) => {
    if ($.Method !== bearer || typeof data !== 'object') return false
    const { Recipient, InResponseTo, NotOnOrAfter = '', NotBefore } = data.$
    const isInTime = Date.parse(NotOnOrAfter) + skewMs > nowMs
    return Recipient === acsUrl && InResponseTo === requestId && isInTime && NotBefore === undefined
  })
