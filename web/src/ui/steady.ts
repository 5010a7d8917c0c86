/** Components that render again only when one of their properties is another. */
import { Component, createElement, type ComponentChild, type FunctionComponent } from "preact";

/** The same component; what it takes from a context or from hooks of its own still renders it again. */
export function steady<P extends object>(of: FunctionComponent<P>): new (props: P) => Component<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return differs(this.props, next);
    }
    override render(props: P): ComponentChild {
      return createElement(of, props);
    }
  };
}

function differs<P extends object>(one: Readonly<P>, other: Readonly<P>): boolean {
  const keys = Object.keys(one) as (keyof P)[];
  return keys.length !== Object.keys(other).length || keys.some((key) => one[key] !== other[key]);
}
