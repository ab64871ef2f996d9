import type { ErrorCode } from '@onbehalf/errors'

export type Message = { title: string; text: string }

const failed: Message = {
  title: 'Something went wrong',
  text: 'This is on our side and not about your code. Try again in a moment.'
}

/** What the page says of an error; anything else is our fault. */
const messages: Partial<Record<ErrorCode, Message>> = {
  expired_or_unknown: {
    title: 'This code does not work',
    text: 'It has expired, was used already, or was mistyped. Start again on your device to get a new one.'
  },
  already_resolved: {
    title: 'Already decided',
    text: 'This code was approved or denied before. If your device still waits, start again there.'
  },
  too_many_requests: {
    title: 'Too many attempts',
    text: 'Wait a few minutes, then try again. Your device keeps waiting meanwhile.'
  },
  unauthenticated: {
    title: 'This page was open for a while',
    text: 'Nothing was decided. Go on, and decide on the page that comes; it may ask you to sign in again.'
  },
  csrf_rejected: {
    title: 'This page is out of date',
    text: 'It was opened before you signed in last. Load it again and decide there.'
  },
  forbidden: {
    title: 'Members only',
    text: 'Your account is not a member here, so it cannot sign devices in. Ask an administrator to add you.'
  },
  approval_outcome_unknown: {
    title: 'Look at your device',
    text: 'We could not learn whether your decision was stored. If the device still waits, start again there.'
  },
  invalid_request: {
    title: 'This code does not work',
    text: 'Type the eight characters that your device shows.'
  },
  unavailable: failed
}

export const messageFor = (code: ErrorCode): Message => messages[code] ?? failed
