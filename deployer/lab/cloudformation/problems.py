"""What CloudFormation refuses, in its own words."""


class TemplateInvalid(Exception):
    """The template or its parameters cannot be used: `ValidationError` to the caller."""


class ResourceFailed(Exception):
    """A resource could not be made, changed or deleted; the text is its status reason."""


class NotSimulated(ResourceFailed):
    """The lab does not simulate what the template asks for; names type, property, logical id."""
