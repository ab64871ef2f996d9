/** How long requests took. */
export type RequestTimes = {
  observe: (method: string, route: string, status: number, seconds: number) => void
  /** As a histogram in Prometheus' text form. */
  text: () => string
}

type Series = { labels: string; counts: number[]; sum: number; total: number }

const name = 'onbehalf_http_request_seconds'
const help = 'Time from the first byte of a request to the last byte of its answer'
const buckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10]

/** Counts by method, route and status; prom-client's histogram looks its labels up and checks them for each request. */
export const countRequestTimes = (service: string): RequestTimes => {
  const all: Series[] = []
  // By each of the three in turn: a key put together of them would have to be made, and hashed, for each request.
  const known = new Map<string, Map<string, Map<number, Series>>>()
  const seriesOf = (method: string, route: string, status: number): Series =>
    known.get(method)?.get(route)?.get(status) ?? begin(method, route, status)
  const begin = (method: string, route: string, status: number): Series => {
    // Nothing to escape: methods, statuses and our own names and routes have no quote, backslash or line break.
    const labels = `method="${method}",route="${route}",status="${status}",service="${service}"`
    const series = { labels, counts: buckets.map(() => 0), sum: 0, total: 0 }
    all.push(series)
    const routes = known.get(method) ?? new Map<string, Map<number, Series>>()
    const statuses = routes.get(route) ?? new Map<number, Series>()
    known.set(method, routes.set(route, statuses.set(status, series)))
    return series
  }
  return {
    observe: (method, route, status, seconds) => {
      const series = seriesOf(method, route, status)
      const index = buckets.findIndex((bound) => seconds <= bound)
      if (index >= 0) series.counts[index] = (series.counts[index] ?? 0) + 1
      series.sum += seconds
      series.total += 1
    },
    text: () => [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...all.flatMap(linesOf), ''].join('\n')
  }
}

// Each bucket holds what the smaller ones do.
const linesOf = ({ labels, counts, sum, total }: Series): string[] => {
  let below = 0
  const lines = buckets.map((bound, index) => {
    below += counts[index] ?? 0
    return `${name}_bucket{le="${bound}",${labels}} ${below}`
  })
  return [
    ...lines,
    `${name}_bucket{le="+Inf",${labels}} ${total}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${total}`
  ]
}
