/**
 * `oidc` is told its endpoints by discovery; `oauth2` has them given, and asks userinfo who somebody is; `saml` is for
 * signing in only, and leaves no refresh token.
 */
export const kinds = ['oidc', 'oauth2', 'saml'] as const
export type ConnectionKind = (typeof kinds)[number]

/** How our client authenticates at the token endpoint (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export const clientAuthentications = ['basic', 'post', 'private_key_jwt', 'none'] as const
export type ClientAuthentication = (typeof clientAuthentications)[number]

/** RFC 8707: one refresh token for all servers, one for each, or none that is for a server. */
export const resourceSupports = ['many', 'one', 'none'] as const
export type ResourceSupport = (typeof resourceSupports)[number]

/** What some identity providers do in their own way, and what is then done about it. */
export const quirkMeanings = {
  basic_not_encoded: 'Reads Basic credentials as they are: they are sent without the form encoding of RFC 6749 §2.3.1.',
  assertion_for_token_endpoint:
    'Wants its token endpoint as the audience of a client assertion, in place of its issuer.',
  no_nonce: 'Does not repeat the nonce in ID tokens: PKCE alone ties them to the browser.',
  no_iss_parameter:
    'Announces the iss parameter of RFC 9207 and does not send it: its callback address alone tells it apart.',
  opaque_tokens_are_bound: 'Gives opaque access tokens that are good for the asked resource only: they are forwarded.'
} as const
export type Quirk = keyof typeof quirkMeanings
export const quirkNames = Object.keys(quirkMeanings).filter((name): name is Quirk => name in quirkMeanings)

type Shown = { seen: string; givesUp: string }

/** Those that show only with a user: what is seen then, and what whoever sets the switch gives up. */
export const suspectable = {
  no_nonce: {
    seen: 'A sign-in was refused because its ID token has no nonce.',
    givesUp:
      'An ID token is tied to the browser by PKCE alone: where the IdP does not hold codes against PKCE, whoever has the ' +
      'code of somebody else signs in as them.'
  },
  no_iss_parameter: {
    seen:
      'A sign-in was refused because it came back without iss, which the IdP announces. Whoever signs in can leave it out ' +
      'by hand: it means something only if everybody is refused.',
    givesUp:
      'The answer of another IdP is told apart by the callback address alone, which must then be registered at no other IdP.'
  },
  opaque_tokens_are_bound: {
    seen: 'An opaque access token came for a server and was not forwarded: nobody can read whom it is for.',
    givesUp:
      'Nobody looks any more whom an opaque token is for: unless the IdP itself binds it to the asked server, each server ' +
      'can act as its users at every other server of this IdP.'
  }
} as const satisfies Partial<Record<Quirk, Shown>>
export type SuspectedQuirk = keyof typeof suspectable
export const suspectedNames = Object.keys(suspectable).filter((name): name is SuspectedQuirk => name in suspectable)

/** Where userinfo says what, by the name of the claim, or by names with dots between them (`data.id`). */
export type Claims = { subject: string; email: string | null; email_verified: string | null; name: string | null }
