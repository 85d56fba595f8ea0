package settings

import "encoding/json"

// Renamed are the flags that had other names in the version before, by these names. They
// are accepted for one version. The --momentum of that version was what --ema is now; see
// [MoveMomentum].
var Renamed = map[string]string{
	"decay": "weight-decay",
	"clip":  "clip-norm",
	"every": "checkpoint-every",
}

// renameSaved gives the settings in a checkpoint of the version before their names of now.
func renameSaved(values map[string]json.RawMessage) {
	if _, ok := values["decay"]; !ok { // that version always wrote it
		return
	}
	for old, name := range Renamed {
		if v, ok := values[old]; ok {
			values[name] = v
			delete(values, old)
		}
	}
	if v, ok := values["momentum"]; ok {
		values["ema"] = v
		delete(values, "momentum")
	}
	if string(values["optimizer"]) == `"sgd"` {
		values["momentum"] = json.RawMessage("0.9") // which could not be set
	}
}

// Earlier reports whether text is of a checkpoint of the version before.
func Earlier(text string) bool {
	var names map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return false
	}
	_, ok := names["decay"] // which that version always wrote
	return ok
}

// MoveMomentum takes a --momentum that was given for the decay of the key encoder, as in
// the version before, for the --ema it is now: for moco, unless it is the momentum of the
// optimizer. It returns what to tell, or "".
func MoveMomentum(flags *Settings, given Given, loss, optimizer string) string {
	switch {
	case !given["momentum"] || loss != "moco":
		return ""
	case !hasMomentum(optimizer):
		if !given["ema"] { // which says what is meant
			flags.EMA, given["ema"] = flags.Momentum, true
		}
		delete(given, "momentum")
		return "--momentum is now --ema for the key encoder; --momentum is for " + withMomentum()
	case !given["ema"]:
		return "--momentum is now that of " + optimizer + "; the decay of the key encoder is --ema"
	}
	return ""
}
