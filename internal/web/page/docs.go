package page

// Docs is the body of PathDocs: what the REST API offers.
type Docs struct {
	Operations []APIOperation
}

// PathDocs is the page of the REST API.
const PathDocs = "/docs"

// APIOperation is one method on one path.
type APIOperation struct {
	Method, Path, Summary string
	Params                []APIParam
	Fields                []APIField // of the answer, outermost first
}

// APIParam is one parameter.
type APIParam struct {
	Name, In, Type, Doc string
	Required            bool
}

// APIField is one field of an answer, by its path: "data[].cost.amount".
type APIField struct{ Path, Type, Doc string }
