package gitlab

func getOpenAPI(c *call, _ none) (any, error) { return map[string]any{}, nil }
