package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"

	"fresnel"
)

// useFile makes the settings of the file the defaults below the environment.
// The file is known before the command line is parsed: by --config or
// FRESNEL_CONFIG.
func useFile(p *kong.Kong, args []string) error {
	path := os.Getenv("FRESNEL_CONFIG")
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			path = v
		} else if a == "--config" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	if path == "" {
		return nil
	}
	values := map[string]any{}
	if _, err := toml.DecodeFile(path, &values); err != nil {
		if _, unread := errors.AsType[*fs.PathError](err); unread {
			return &fresnel.Error{Kind: fresnel.Invalid, Msg: "the configuration file cannot be read", Err: err}
		}
		return fresnel.Errorf(fresnel.Invalid, "the configuration file %s is not valid TOML: %s", path, oneLine(err.Error()))
	}
	flags := map[string]*kong.Flag{}
	for _, f := range p.Model.Flags {
		flags[strings.ReplaceAll(f.Name, "-", "_")] = f
	}
	for key, v := range values {
		f, ok := flags[key]
		switch {
		case !ok || key == "help" || key == "config":
			return fresnel.Errorf(fresnel.Invalid, "the configuration file %s has the unknown key %q; known are %s", path, key, strings.Join(keys(flags), ", "))
		case key == "azure_client_secret":
			return fresnel.Errorf(fresnel.Invalid, "the configuration file %s holds azure_client_secret: secrets belong into the environment or Key Vault", path)
		}
		switch v.(type) {
		case string, int64, bool, float64:
		default:
			return fresnel.Errorf(fresnel.Invalid, "the configuration file %s: %s must be a single value", path, key)
		}
		values[key] = fmt.Sprint(v)
		_ = f
	}
	return kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
		for _, name := range f.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil // the environment wins over the file
			}
		}
		return values[strings.ReplaceAll(f.Name, "-", "_")], nil
	})).Apply(p)
}

func keys(flags map[string]*kong.Flag) []string {
	var out []string
	for k, f := range flags {
		if k != "help" && k != "config" && k != "azure_client_secret" && !f.Hidden {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
