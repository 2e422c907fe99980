package mlflow

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/registry"
)

// Attributes of spans, and metadata of traces, that tell what was counted
// (mlflow/tracing/constant.py).
const (
	spanUsageKey  = "mlflow.chat.tokenUsage"
	spanCostKey   = "mlflow.llm.cost"
	modelKey      = "mlflow.llm.model"
	providerKey   = "mlflow.llm.provider"
	traceUsageKey = "mlflow.trace.tokenUsage"
	traceCostKey  = "mlflow.trace.cost"
	maxModel      = 500 // characters (mlflow/store/tracking/utils/trace_analytics.py)
)

// usageKeys and costKeys are in the order in which MLflow writes them.
var (
	usageKeys = []string{registry.InputTokens, registry.OutputTokens, registry.TotalTokens, registry.CacheReadTokens, registry.CacheMadeTokens, registry.CacheMadeLongTime}
	costKeys  = []string{registry.InputCost, registry.OutputCost, registry.TotalCost}
)

// amountsOf reads what metadata say was counted of a trace.
func amountsOf(metadata []registry.Tag) (out []registry.Amount) {
	for _, m := range metadata {
		switch m.Key {
		case traceUsageKey:
			out = append(out, readAmounts(m.Value, usageKeys, true)...)
		case traceCostKey:
			out = append(out, readAmounts(m.Value, costKeys, false)...)
		}
	}
	return out
}

func spanAmounts(attrs spanAttrs) []registry.Amount {
	return slices.Concat(readAmounts(attrs.text(spanUsageKey), usageKeys, true), readAmounts(attrs.text(spanCostKey), costKeys, false))
}

// readAmounts reads amounts from an object in JSON, and passes over what is none.
func readAmounts(text string, keys []string, whole bool) (out []registry.Amount) {
	var members map[string]any
	if text == "" || json.Unmarshal([]byte(text), &members) != nil {
		return nil
	}
	for _, key := range keys {
		if v, ok := members[key].(float64); ok && (!whole || v == math.Trunc(v) && math.Abs(v) < 1<<63) {
			out = append(out, registry.Amount{Key: key, Value: v})
		}
	}
	return out
}

// amountsMetadata writes what was counted of a trace by its spans as metadata,
// where the client has told none.
func amountsMetadata(t registry.Trace) map[string]string {
	out := map[string]string{}
	for _, m := range []struct {
		name  string
		keys  []string
		write func(float64) string
	}{{traceUsageKey, usageKeys, func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) }}, {traceCostKey, costKeys, pythonFloat}} {
		told := slices.ContainsFunc(t.Metadata, func(has registry.Tag) bool { return has.Key == m.name })
		if members := writeAmounts(t.Amounts, m.keys, m.write); members != "" && !told {
			out[m.name] = "{" + members + "}"
		}
	}
	return out
}

func writeAmounts(as []registry.Amount, keys []string, write func(float64) string) string {
	var members []string
	for _, key := range keys {
		if i := slices.IndexFunc(as, func(a registry.Amount) bool { return a.Key == key }); i >= 0 {
			members = append(members, `"`+key+`": `+write(as[i].Value))
		}
	}
	return strings.Join(members, ", ")
}
