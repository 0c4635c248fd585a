"""Where a file loops over what is plainly a set."""

import ast

SET_METHODS = ("union", "difference", "intersection", "symmetric_difference")
SET_TYPES = ("set", "frozenset", "AbstractSet", "MutableSet")
ORDERING = ("list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed", "deque", "next")


def dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression, "" for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


class SetLoops(ast.NodeVisitor):
    """Finds loops over what is plainly a set: a literal, a call, set arithmetic, or a name annotated or assigned so."""

    def __init__(self) -> None:
        self.known: list[dict[str, bool]] = [{}]
        self.found: list[int] = []

    def is_set(self, node: ast.AST | None) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(attr=method, value=value)) if method in SET_METHODS:
                return self.is_set(value)
            case ast.BinOp(op=ast.Sub() | ast.BitAnd() | ast.BitOr() | ast.BitXor(), left=left, right=right):
                return any(self.is_set(side) or self.is_keys(side) for side in (left, right))
            case ast.Name() | ast.Attribute():
                return next((scope[dotted(node)] for scope in reversed(self.known) if dotted(node) in scope), False)
        return False

    def is_keys(self, node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "keys"

    def learn(self, target: ast.AST, is_set: bool) -> None:
        if name := dotted(target):
            # What an object holds is known in all its methods; a local name only in its function.
            (self.known[0] if "." in name else self.known[-1])[name] = is_set

    def look(self, node: ast.expr) -> None:
        if self.is_set(node):
            self.found.append(node.lineno)

    def visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.known.append({})
        for arg in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            self.known[-1][arg.arg] = names_a_set(arg.annotation)
        self.generic_visit(node)
        self.known.pop()

    visit_FunctionDef = visit_function
    visit_AsyncFunctionDef = visit_function

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.learn(target, self.is_set(node.value))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.learn(node.target, names_a_set(node.annotation))
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self.look(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.look(node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self.look(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = dotted(node.func)
        if name in ORDERING or (isinstance(node.func, ast.Attribute) and node.func.attr in ("join", "extend")):
            for arg in node.args:
                self.look(arg)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
            self.look(node.func.value)
        self.generic_visit(node)


def names_a_set(annotation: ast.expr | None) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return base is not None and dotted(base).split(".")[-1] in SET_TYPES
