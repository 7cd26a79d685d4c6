package azuresim

// WasteCases is how many cases of waste there are.
func WasteCases() int { return len(wasteCases) }
