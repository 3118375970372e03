"""The provincial complaint platform: SOAP whose parameters are XML documents in a string."""
