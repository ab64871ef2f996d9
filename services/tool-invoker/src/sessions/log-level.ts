/** RFC 5424 §6.2.1, from what is least severe on. */
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

export const isLevel = (value: unknown): value is string => typeof value === 'string' && levels.includes(value)

/** Whether a log message is severe enough; all are for who has not said what is wanted. */
export const isLogged = (level: unknown, wanted: string | undefined): boolean =>
  wanted === undefined || levels.indexOf(String(level)) >= levels.indexOf(wanted)
