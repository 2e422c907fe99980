// Package httpx holds what every HTTP dialect of Vitrine shares: handlers that
// return errors, decoding of parameters, serving of blobs, paging headers and
// the middleware chain.
//
// It knows no dialect and no domain. A dialect brings its own [ErrorWriter] and
// its own words; httpx brings the parts that are easy to get subtly wrong.
//
// The usual chain, outermost first:
//
//	httpx.Chain(
//		httpx.RequestID(),
//		httpx.AccessLog(log, isProbe),
//		httpx.Metrics(registry),
//		httpx.Recover(log, nil),
//	)(httpx.Dispatch(mounts, notFound))
//
// All of them share one wrapper per request, so the order may change and each
// may be left out. Routes with large bodies add [IdleBody] and [IdleWrites].
package httpx
